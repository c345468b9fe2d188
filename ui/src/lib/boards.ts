// Boards that ask for their files at each boot: types and calls.
import { call, type Command } from "./api";
import type { Software } from "./software";

export interface BoardFile {
  name: string;
  state: "same" | "differs" | "missing" | "extra" | "unknown";
  size: number;
  /** Id of the hotfix that it is of; "": the app's own. */
  hotfix: string;
}
export interface Board {
  mac: string;
  appType: string;
  deviceType: string;
  firmware: string;
  version: string;
  ip: string;
  meta: Record<string, unknown> | null;
  heartbeat: number;
  booted: number;
  files: BoardFile[];
}
export interface Hotfix {
  id: string;
  files: string[];
  state: "waiting" | "served" | "undone" | "overtaken";
  by: string;
  undoneBy: string;
  at: number;
  servedAt: number;
  endedAt: number;
}

const of = (t: string, what: string) => `/things/${encodeURIComponent(t)}/${what}`;

export const boards = {
  get: (t: string) => call<Board>("GET", of(t, "board")),
  software: (t: string) => call<Software>("GET", of(t, "software")),
  hotfixes: (t: string) => call<{ hotfixes: Hotfix[] }>("GET", of(t, "hotfixes")),
  fix: (t: string, files: Record<string, string>) => call<Hotfix>("POST", of(t, "hotfixes"), { files }),
  undo: (t: string, hotfix: string) =>
    call<Hotfix>("DELETE", of(t, "hotfixes/" + encodeURIComponent(hotfix))),
  restart: (t: string) => call<Command>("POST", of(t, "commands"), { kind: "restart" }),
};
