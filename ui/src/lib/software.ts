// What runs on PythingsOS things, the shelf of its releases, and the own account: types and calls.
import { call, query, type Role, type Thing, type Token } from "./api";
import { runtimes } from "./shelf";
import { upload } from "./upload";

/** Whether it runs apps and comes to ask: PythingsOS, or Roost’s own runtime. */
export const takesApps = (t: Pick<Thing, "protocol">) =>
  t.protocol === "PythingsOS" || t.protocol === "Roost";

export type PartName = "pythings" | "worker" | "management";
export interface Status {
  part: PartName;
  /** It has said something. */
  known: boolean;
  ok: boolean;
  text: string;
  at: number;
  /** The last fault; stays when the part says OK again. */
  error: string;
  errorAt: number;
}
export interface Settings {
  os: string;
  app: string;
  management: number;
  worker: number;
  tls: boolean;
  encrypt: boolean;
  battery: boolean;
  setupTimeout: number;
  backend: string;
}
export type SettingName = keyof Settings;
/** One run of a thing, from its registration to its silence. */
export interface Run {
  id: string;
  started: number;
  lastContact: number;
  ended: number;
  os: string;
  version: string;
  platform: string;
  frozen: boolean;
  encrypted: boolean;
  pool: string;
  app: string;
  address: string;
  statuses: Status[];
}
export interface Software {
  app: { id: string; name: string; hidden: boolean } | null;
  pool: string;
  boundBy: "app" | "account";
  wanted: Settings;
  /** Id of the commit wanted. */
  commit: string;
  own: Partial<Settings>;
  os: string;
  version: string;
  tag: string;
  platform: string;
  frozen: boolean;
  encrypted: boolean;
  upToDate: boolean;
  statuses: Status[];
  session: Run | null;
}
export interface WorkerMessage {
  id: number;
  at: number;
  value: unknown;
}
export interface LogLine {
  id: number;
  at: number;
  level: string;
  text: string;
  detail: string;
}

/** As much of apps as things need; the pages of apps know more. */
export interface AppName {
  id: string;
  name: string;
}
export interface PoolName {
  name: string;
  kind: string;
  default: boolean;
  settings: Settings;
}
export interface Choice {
  pools: PoolName[];
  tags: { name: string; commit: string }[];
  commits: { id: string; message: string; tags: string[] }[];
}

export interface ShelfPlatform {
  name: string;
  files: number;
  bytes: number;
}
export interface ShelfRelease {
  version: string;
  added: number;
  platforms: ShelfPlatform[];
}
/** Where PythingsOS devices go and what they need to be told. */
export interface Pythings {
  accountId: string;
  backend: string;
  tls: boolean;
  legacyTLS: boolean;
  modulus: string;
  keys: { name: string; bits: number; imported: boolean }[];
  notices: { at: number; remote: string; text: string }[];
}
export interface Account {
  name: string;
  accountId: string;
  email: string;
  timeZone: string;
  role: Role;
  created: number;
  usage: { things: number; workerMessages: number; messages: number; apps: number };
}

const id = encodeURIComponent;
const of = (t: string, what: string) => `/things/${id(t)}/${what}`;

export const software = {
  get: (t: string) => call<Software>("GET", of(t, "software")),
  install: (t: string, app: string, pool = "") => call<Software>("PUT", of(t, "app"), { app, pool }),
  uninstall: (t: string) => call<Software>("DELETE", of(t, "app")),
  move: (t: string, pool: string) => call<Software>("PUT", of(t, "pool"), { pool }),
  /** null takes what the thing has of its own away. */
  set: (t: string, own: { [K in SettingName]?: Settings[K] | null }) =>
    call<Software>("PATCH", of(t, "settings"), own),
  again: (t: string) => call<Software>("POST", of(t, "reregister")),
  sessions: (t: string, before = 0, limit = 10) =>
    call<{ sessions: Run[] }>("GET", of(t, "sessions") + query({ before: before || undefined, limit })),
  messages: (t: string, before = 0, limit = 100) =>
    call<{ messages: WorkerMessage[] }>(
      "GET",
      of(t, "messages") + query({ before: before || undefined, limit }),
    ),
  log: (t: string, before = 0, limit = 200) =>
    call<{ log: LogLine[] }>("GET", of(t, "log") + query({ before: before || undefined, limit })),

  apps: () => call<{ apps: AppName[] }>("GET", "/apps"),
  async choice(app: string): Promise<Choice> {
    const [{ pools, tags }, { commits }] = await Promise.all([
      call<Omit<Choice, "commits">>("GET", `/apps/${id(app)}`),
      call<Pick<Choice, "commits">>("GET", `/apps/${id(app)}/commits`),
    ]);
    return { pools: pools ?? [], tags: tags ?? [], commits: commits ?? [] };
  },

  pythings: () => call<Pythings>("GET", "/pythings"),
  addKey: (name: string, pem: string) => call<Pythings>("POST", "/pythings/keys", { name, pem }),
  shelf: () => call<{ releases: ShelfRelease[] }>("GET", "/shelf"),
  removeRelease: (version: string) => call<void>("DELETE", `/shelf/${id(version)}`),
  shelfZip: (version: string, platform: string) => `/api/v2/shelf/${id(version)}/${id(platform)}.zip`,
};

export const account = {
  get: () => call<Account>("GET", "/account"),
  patch: (change: { email?: string; timeZone?: string }) => call<Account>("PATCH", "/account", change),
  addToken: (name: string, role: Role) => call<Token>("POST", "/account/tokens", { name, role }),
  removeToken: (t: string) => call<void>("DELETE", `/account/tokens/${id(t)}`),
  remove: (name: string) => call<void>("DELETE", "/account", { name }),
};

/** Puts a zip on the shelf. */
export const uploadRelease = (zip: Blob, version: string, progress: (share: number) => void) =>
  upload("/shelf" + query({ version }), "application/zip", zip, progress);

/** The versions that settings may ask for: those of Roost's runtime, and of PythingsOS. */
export interface Systems {
  runtimes: string[];
  releases: string[];
}
/** What is on the shelves; what cannot be asked is left out. */
export async function systems(): Promise<Systems> {
  const [ours, theirs] = await Promise.allSettled([runtimes.list(), software.shelf()]);
  return {
    runtimes: ours.status === "fulfilled" ? ours.value.map((r) => r.version) : [],
    releases: theirs.status === "fulfilled" ? (theirs.value.releases ?? []).map((r) => r.version) : [],
  };
}
