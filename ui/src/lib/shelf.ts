// The versions of Roost's own runtime that things can be moved to.
import { call } from "./api";
import { upload } from "./upload";

export interface ShelfRuntime {
  version: string;
  /** It is that of this Roost, which settings call latest. */
  own: boolean;
  origin: "program" | "file";
  by: string;
  added: number;
  /** "full/6", "lean/0", "rom/6"… */
  forms: string[];
  bytes: number;
  owners: { owner: string; down: boolean; by: string; at: number }[];
  running: number;
  pools: number;
  things: number;
}
const at = (version: string) => `/runtimes/${encodeURIComponent(version)}`;

export const runtimes = {
  list: async () => (await call<{ runtimes: ShelfRuntime[] | null }>("GET", "/runtimes")).runtimes ?? [],
  remove: (version: string) => call<void>("DELETE", at(version)),
  zip: (version: string) => `/api/v2${at(version)}/zip`,
  add: (zip: Blob, progress: (share: number) => void) =>
    upload("/runtimes", "application/zip", zip, progress),
};

/** Where a version comes from. */
export function originWords(r: ShelfRuntime): string {
  if (r.own) return r.origin === "file" ? "From a file, and this Roost’s own" : "This Roost’s own";
  if (r.origin === "program") return "Of an earlier Roost";
  return r.by ? `From a file, by ${r.by}` : "From a file";
}

const kinds: [form: string, word: string][] = [
  ["full/", "ESP32, Pico W"],
  ["rom/", "ESP8266"],
  ["lean/", "little memory"],
  ["python/", "Linux"],
];
/** For which things it is there. */
export const formWords = (forms: string[]): string =>
  kinds
    .filter(([form]) => forms.some((f) => f.startsWith(form)))
    .map(([, word]) => word)
    .join(", ");
