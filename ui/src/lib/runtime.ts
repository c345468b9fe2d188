// Things that run Roost's own runtime: what they say of themselves, and what broke on them.
import { call, type Command } from "./api";

/** One of the two that are updated over the air: the runtime or the app. */
export interface Slot {
  version: string;
  /** "_a", "_b", "_p", "_q", or "factory"; "": nothing runs. */
  slot: string;
  /** Boots of a trial so far; 0: none is under way. */
  trial: number;
  /** The slot that it returns to, and what is in it. */
  previous: string;
  previousVersion: string;
  /** Versions that failed here and are not taken again. */
  bad: string[] | null;
  /** The newest runtime that this Roost has. */
  newest?: string;
  wanted: string;
}
export interface RuntimeFile {
  name: string;
  size: number;
  state: "right" | "differs" | "missing" | "its own";
}
export type UpdateState =
  "offered" | "fetching" | "installed" | "trial" | "confirmed" | "refused" | "returned" | "held";
export interface Update {
  kind: "app" | "os";
  version: string;
  state: UpdateState;
  done: number;
  of: number;
  why: string;
  at: number;
}
/** A key that was asked for in the name of a thing that waits. */
export interface JoinedKey {
  /** What it is known by, "1a2b3-c4d5e". */
  key: string;
  /** Who asked; "": not known. */
  address: string;
  platform: string;
  machine: string;
  /** 0: not known. */
  at: number;
}
export interface Runtime {
  platform: string;
  machine: string;
  python: string;
  mpy: number;
  profile: string;
  booted: number;
  resetCause: string;
  why: string;
  ip: string;
  freeMemory: number;
  freeFlash: number;
  /** By which Wi-Fi it came, and which ones it tried in vain; null: it did not tell. */
  net?: { ssid: string; failed: string[] | null } | null;
  /** The first digits of its owner's release key; "": it takes what this Roost signs. */
  owner: string;
  /** What its key is known by, on its own console too. */
  key: string;
  /** While it waits. With more than one, approval has to name the one. */
  joins: JoinedKey[] | null;
  meta: Record<string, unknown> | null;
  runtime: Slot;
  app: Slot;
  files: RuntimeFile[] | null;
  update: Update | null;
}
/** A start, as the thing told of it. */
export interface Boot {
  boot: string;
  at: number;
  resetCause: string;
  why: string;
  runtime: string;
  app: string;
  /** Milliseconds that it had run before; 0: not known. */
  before: number;
}
export interface Crash {
  id: string;
  app: string;
  appName: string;
  version: string;
  part: "app" | "os";
  error: string;
  traceback: string;
  count: number;
  things: string[];
  first: number;
  last: number;
  seen: boolean;
}
/** The move of a pool to a version from which things returned. */
export interface Rollout {
  pool: string;
  kind: "app" | "os";
  version: string;
  failed: string[];
  /** No other thing of the pool gets it. */
  halted: boolean;
  resumed: boolean;
}

const of = (t: string, what: string) => `/things/${encodeURIComponent(t)}/${what}`;
type Act = "restart" | "identify" | "factory-reset";

export const runtime = {
  get: (t: string) => call<Runtime>("GET", of(t, "runtime")),
  act: (t: string, kind: Act) => call<Command>("POST", of(t, "commands"), { kind }),
  boots: (t: string) => call<{ boots: Boot[] | null }>("GET", of(t, "boots")),
  crashes: (where: { app?: string; thing?: string }) =>
    call<{ groups: Crash[] | null }>("GET", "/crashes?" + new URLSearchParams(where).toString()),
  seen: (id: string) => call<void>("POST", `/crashes/${encodeURIComponent(id)}/seen`),
  rollouts: (app: string) =>
    call<{ rollouts: Rollout[] | null }>("GET", `/apps/${encodeURIComponent(app)}/rollouts`),
  resume: (app: string, { pool, kind, version }: Rollout) =>
    call<void>("POST", `/apps/${encodeURIComponent(app)}/pools/${encodeURIComponent(pool)}/resume`, {
      kind,
      version,
    }),
  forget: (id: string) => call<void>("DELETE", `/crashes/${encodeURIComponent(id)}`),
};

/** What stands about an update, in a few words. */
export function updateWords(u: Update): string {
  const what = u.kind === "os" ? `runtime ${u.version}` : `commit ${u.version}`;
  switch (u.state) {
    case "offered":
      return `${what} is offered to it`;
    case "fetching":
      return u.of > 0 ? `fetches ${what}: ${Math.floor((100 * u.done) / u.of)} %` : `fetches ${what}`;
    case "installed":
      return `has ${what} in its slot and starts again`;
    case "trial":
      return `runs ${what} on trial`;
    case "confirmed":
      return `${what} is confirmed`;
    case "refused":
      return `refused ${what}`;
    case "returned":
      return `returned from ${what}`;
    case "held":
      return `waits with ${what}`;
  }
}
export const updateChip: Record<UpdateState, string> = {
  offered: "",
  fetching: "accent",
  installed: "accent",
  trial: "yolk",
  confirmed: "moss",
  refused: "ember",
  returned: "ember",
  held: "yolk",
};

const causes: Record<string, string> = {
  "power on": "switched on",
  planned: "planned",
  crash: "it crashed",
  watchdog: "it hung; the watchdog restarted it",
  "brown-out": "its supply was too weak",
};
/** What things say of a restart that they planned. */
const plans: Record<string, string> = {
  update: "for an update",
  restart: "somebody asked for it",
  "factory-reset": "factory reset",
  setup: "it was set up",
  app: "its app asked for it",
  memory: "its memory was used up",
  recover: "to the version before",
};
type Start = Pick<Boot, "resetCause" | "why">;
const plan = (b: Start) => b.why.replace(/:.*/, "");

/** Why a thing started, in words. */
export function causeWords(b: Start): string {
  if (b.resetCause === "planned" && b.why) return plans[plan(b)] ?? b.why;
  return causes[b.resetCause] ?? "nobody knows why";
}
/** Whether a start was nothing to worry about, worth a look, or a fault. */
export function causeChip(b: Start): "" | "yolk" | "ember" {
  if (b.resetCause === "crash" || b.resetCause === "watchdog") return "ember";
  return b.resetCause === "brown-out" || ["memory", "recover"].includes(plan(b)) ? "yolk" : "";
}

/** A slot of flash in words. */
export function slotWords(s: Slot): string {
  if (s.slot === "factory") return "factory copy";
  if (!s.slot) return "none";
  return s.slot === "_a" || s.slot === "_p" ? "slot A" : "slot B";
}
