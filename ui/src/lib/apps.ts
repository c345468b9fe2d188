// Apps: what /api/v2 tells of them and takes for them.
import { ApiError, call, query } from "./api";
import type { Settings } from "./software";

export type PoolKind = "development" | "staging" | "production";
export interface Pool {
  name: string;
  kind: PoolKind;
  default: boolean;
  things: number;
  settings: Settings;
  /** The commit that its settings mean now; "" if there is none yet. */
  commit: string;
  edited: number;
}
export interface Tag {
  name: string;
  commit: string;
  by: string;
  at: number;
}
export interface CommitFile {
  name: string;
  size: number;
  sha256: string;
}
export interface Commit {
  id: string;
  parent: string;
  message: string;
  author: string;
  origin: string;
  at: number;
  tags: string[];
  /** Pools whose settings mean it now. */
  pools: string[];
  files: CommitFile[];
  /** How many things run it. */
  running: number;
}
export interface AppInfo {
  id: string;
  number: number;
  name: string;
  things: number;
  online: number;
  defaultPool: string;
  admits: boolean;
  checked: boolean;
  created: number;
  edited: number;
  by: string;
  drafts: number;
  newest: Commit | null;
}
export interface App extends AppInfo {
  pools: Pool[];
  tags: Tag[];
}
export interface NewApp {
  name: string;
  management: number;
  worker: number;
  latest: boolean;
  os: string;
}
export type FileState = "same" | "new" | "changed" | "deleted";
export interface SourceFile {
  name: string;
  size: number;
  content: string;
  state: FileState;
  by: string;
  at: number;
}
export interface Problem {
  file: string;
  /** From 1; 0 is unknown. */
  line: number;
  column: number;
  text: string;
  severity: "error" | "warning";
}
export interface Files {
  commit: string;
  base: string;
  files: SourceFile[];
  problems: Problem[];
}
export interface Shipment {
  commit: Commit;
  ships: { pool: string; things: number }[];
}
const id = encodeURIComponent;
const at = (app: string, rest = "") => `/apps/${id(app)}${rest}`;

/** A list that a server may write as null when it is empty. */
const list = <T>(l: T[] | null | undefined): T[] => l ?? [];
const commitOf = (c: Commit): Commit => ({
  ...c,
  tags: list(c.tags),
  pools: list(c.pools),
  files: list(c.files),
});
const infoOf = <T extends AppInfo>(a: T): T => ({ ...a, newest: a.newest ? commitOf(a.newest) : null });
const shipmentOf = (s: Shipment): Shipment => ({ commit: commitOf(s.commit), ships: list(s.ships) });

export const apps = {
  list: async () => list((await call<{ apps: AppInfo[] }>("GET", "/apps")).apps).map(infoOf),
  add: async (a: NewApp) => infoOf(await call<AppInfo>("POST", "/apps", a)),
  one: async (app: string): Promise<App> => {
    const a = infoOf(await call<App>("GET", at(app)));
    return { ...a, pools: list(a.pools), tags: list(a.tags) };
  },
  change: (app: string, c: { name?: string; defaultPool?: string; admits?: boolean; checked?: boolean }) =>
    call<AppInfo>("PATCH", at(app), c),
  remove: (app: string) => call<void>("DELETE", at(app)),

  addPool: (app: string, name: string, kind: PoolKind) =>
    call<Pool>("POST", at(app, "/pools"), { name, kind }),
  changePool: (
    app: string,
    pool: string,
    c: { name?: string; kind?: PoolKind; settings?: Partial<Settings> },
  ) => call<Pool>("PATCH", at(app, `/pools/${id(pool)}`), c),
  removePool: (app: string, pool: string) => call<void>("DELETE", at(app, `/pools/${id(pool)}`)),

  files: async (app: string, commit = "", signal?: AbortSignal): Promise<Files> => {
    const f = await call<Files>("GET", at(app, "/files") + query({ commit }), undefined, signal);
    return { ...f, files: list(f.files), problems: list(f.problems) };
  },
  save: (app: string, name: string, content: string) =>
    call<{ file: SourceFile; problems: Problem[] | null }>("PUT", at(app, `/files/${id(name)}`), { content }),
  removeFile: (app: string, name: string) => call<void>("DELETE", at(app, `/files/${id(name)}`)),
  renameFile: (app: string, name: string, to: string) =>
    call<unknown>("POST", at(app, `/files/${id(name)}/rename`), { to }),
  /** Without a name every draft goes. */
  discard: (app: string, name = "") => call<unknown>("POST", at(app, "/discard"), { name }),
  check: async (app: string, files: Record<string, string>, signal?: AbortSignal) =>
    list((await call<{ problems: Problem[] | null }>("POST", at(app, "/check"), { files }, signal)).problems),

  commit: async (app: string, message: string, parent: string) =>
    shipmentOf(await call<Shipment>("POST", at(app, "/commits"), { message, parent })),
  commits: async (app: string) =>
    list((await call<{ commits: Commit[] }>("GET", at(app, "/commits"))).commits).map(commitOf),
  restore: async (app: string, commit: string) =>
    shipmentOf(await call<Shipment>("POST", at(app, `/commits/${id(commit)}/restore`))),
  tag: (app: string, name: string, commit: string) =>
    call<Tag>("PUT", at(app, `/tags/${id(name)}`), { commit }),
  untag: (app: string, name: string) => call<void>("DELETE", at(app, `/tags/${id(name)}`)),
  zip: (app: string, commit = "") => "/api/v2" + at(app, "/zip") + query({ commit }),
  importZip: async (app: string, message: string, file: Blob) =>
    shipmentOf(await call<Shipment>("POST", at(app, "/import") + query({ message }), file)),

  tell: (app: string, value: unknown, pool = "") =>
    call<{ sent: number; refused?: number; why?: string }>(
      "POST",
      at(app, "/messages"),
      pool ? { value, pool } : { value },
    ),
};

/** The faults in files for which a commit was refused; none if it was refused for something else. */
export function problemsOf(err: unknown): Problem[] {
  return err instanceof ApiError ? (err.problems as Problem[]) : [];
}
