// Trials: code that runs on a board that is played in the server, before it is committed.
import { call } from "./api";

export type TrialState = "starting" | "running" | "crashed" | "stopped";
export type TrialEvent =
  | { type: "state"; state: TrialState; text: string }
  | { type: "log"; at: number; level: "info" | "warn" | "error"; text: string; detail?: string }
  | { type: "print"; text: string }
  | { type: "values"; at: number; values: Record<string, unknown> }
  | { type: "message"; at: number; data: unknown }
  | { type: "pins"; pins?: Record<string, number>; pixels?: Record<string, string[]> };

type Files = Record<string, string>;
const of = (id: string, what = "") => `/trials/${encodeURIComponent(id)}${what}`;

export const trials = {
  start: (files: Files, app?: string) => call<{ id: string }>("POST", "/trials", { files, app }),
  files: (id: string, files: Files) => call<void>("POST", of(id, "/files"), { files }),
  tell: (id: string, data: unknown) => call<{ answer: unknown }>("POST", of(id, "/message"), { data }),
  shell: (id: string, line: string) => call<{ output: string }>("POST", of(id, "/shell"), { line }),
  inputs: (id: string, adc: Record<string, number>) => call<void>("POST", of(id, "/inputs"), { adc }),
  stop: (id: string) => call<void>("DELETE", of(id)),
  events: (id: string) => "/api/v2" + of(id, "/events"),
};
