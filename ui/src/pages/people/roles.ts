import type { Role } from "../../lib/api";

export const roleWords: Record<Role, string> = {
  viewer: "Sees everything, changes nothing",
  operator: "Also approves things, sends commands and changes names and tags",
  owner: "Also decides who has access",
};
