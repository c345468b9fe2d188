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
  fix: (t: string, files: File[]) => {
    const form = new FormData();
    for (const f of files) form.append("files", f, f.name);
    return call<Hotfix>("POST", of(t, "hotfixes"), form);
  },
  undo: (t: string, hotfix: string) =>
    call<Hotfix>("DELETE", of(t, "hotfixes/" + encodeURIComponent(hotfix))),
  restart: (t: string) => call<Command>("POST", of(t, "commands"), { kind: "restart" }),
  // What Roost asks the board itself, at the address from which it last came.
  identify: (t: string) => call<void>("POST", of(t, "identify")),
  restartNow: (t: string) => call<void>("POST", of(t, "board/restart")),
  reset: (t: string) => call<void>("POST", of(t, "board/factory-reset")),
  status: (t: string) => call<{ status: Record<string, unknown> | null }>("GET", of(t, "board/status")),
  logs: (t: string) => call<{ logs: string[] }>("GET", of(t, "board/logs")),
  log: (t: string, name: string) =>
    call<{ text: string }>("GET", of(t, "board/logs/" + encodeURIComponent(name))),
};
