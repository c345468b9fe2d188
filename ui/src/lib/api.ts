// The one place that fetches. Types follow /api/v2; times are Unix milliseconds.

export type Role = "owner" | "operator" | "viewer";
export interface Person {
  id: string;
  name: string;
  role: Role;
}
export interface Session {
  state: "setup" | "signed-out" | "signed-in";
  person?: Person;
  version: string;
}
export type Kind = "number" | "boolean" | "text" | "json";
export interface Resource {
  name: string;
  value: unknown;
  at: number;
  kind: Kind;
  number?: number;
  unit?: string;
  writable: boolean;
}
export type ThingState = "waiting" | "enrolled" | "ignored";
export interface Thing {
  id: string;
  name: string;
  given_name?: string;
  protocol: string;
  state: ThingState;
  online: boolean;
  since: number;
  first_heard: number;
  last_heard: number;
  address: string;
  door: string;
  gateway: string;
  tags: string[];
  /** How people want resources shown; the rest as the page thinks best. */
  widgets?: Record<string, string>;
  /** The id of the credential it signs in with. */
  credential?: string;
  /** Of things that take apps; null: none is installed. */
  app?: ThingApp | null;
  resources?: Resource[];
}
export interface ThingApp {
  id: string;
  name: string;
  pool: string;
  /** Id of the commit that runs, "0" if none does. */
  version: string;
}
export interface Things {
  things: Thing[];
  total: number;
  online: number;
  waiting: number;
}
export interface NumberPoint {
  t: number;
  min: number;
  max: number;
  mean: number;
  last: number;
  n: number;
}
export interface TextPoint {
  t: number;
  value: string;
}
export interface Readings {
  resource: string;
  unit: string;
  from: number;
  to: number;
  numbers: NumberPoint[];
  texts: TextPoint[];
}
export type CommandState = "queued" | "sent" | "done" | "failed" | "expired" | "cancelled";
export interface Command {
  id: string;
  thing: string;
  kind: "set" | "refresh" | "message" | "shell" | "restart" | "identify" | "factory-reset";
  resource: string;
  value: unknown;
  state: CommandState;
  error: string;
  result: unknown;
  by: string;
  created: number;
  sent: number;
  ended: number;
  expires: number;
}
export interface User {
  id: string;
  name: string;
  role: Role;
  created: number;
  last_seen: number;
}
export interface Token {
  id: string;
  name: string;
  role: Role;
  by: string;
  created: number;
  last_used: number;
  expires: number;
  token?: string;
}
export interface Spool {
  entries: number;
  bytes: number;
  oldest: number;
  dropped: number;
}
export interface Gateway {
  id: string;
  name: string;
  kind: "roost" | "pyaiot" | "";
  connected: boolean;
  since: number;
  remote: string;
  things: number;
  /** How old the newest reading is when it arrives here, in ms. */
  lag: number;
  spool: Spool;
  lastSeen: number;
  lastError: string;
  version: string;
  doors: string[];
  /** The key of --key-file: not made here, so not revoked here. */
  keyFile: boolean;
  created: number;
  by: string;
}
export interface NewGateway {
  gateway: Gateway;
  keyFile: string;
  command: string;
}
export interface Credential {
  id: string;
  own: string;
  created: number;
  by: string;
  lastUsed: number;
}
export interface NewCredential {
  credential: Credential;
  user: string;
  password: string;
}
/** What is told before anybody signs in. */
export interface Site {
  title: string;
  logo: string;
  favicon: string;
  cameraUrl: string;
  /** Template of map tiles, "" for none. */
  mapTiles: string;
  signIn: "people" | "password" | "none";
  kind: "server" | "dashboard";
  /** Addresses of doors, "" if closed. */
  mqtt: string;
  mqttsn: string;
  coap: string;
}
export type SimulatedKind = "coap" | "ws" | "mqtt" | "mqttsn" | "pythings" | "board" | "micropython";
export interface Listener {
  name: string;
  address: string;
  state: "listening" | "off" | "failed";
  detail: string;
}
/** What goes on at a door for publish and subscribe. */
export interface Broker {
  connections: number;
  sessions: number;
  asleep: number;
  subscriptions: number;
  retained: number;
  queued: number;
  received: number;
  sent: number;
  dropped: number;
}
export interface System {
  version: string;
  go: string;
  os: string;
  arch: string;
  started: number;
  data_dir: string;
  data_bytes: number;
  memory_bytes: number;
  goroutines: number;
  enrolment: "approve" | "open" | "closed";
  listeners: Listener[];
  things: { total: number; online: number; waiting: number };
  readings: { recorded: number; pending: number; refused: number };
  live: { watchers: number; seq: number };
  pyaiot: { gateways: number; clients: number };
  /** Left out when the door is shut. */
  mqtt?: Broker;
  mqttsn?: Broker;
  base_url: string;
  simulator: boolean;
}

/** What the server, or the way to it, said no with. `message` is a sentence for people. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly retryAfter = 0,
    readonly fields: { location: string; message: string }[] = [],
    /** Faults in files that came along, of whoever checks them. */
    readonly problems: unknown[] = [],
  ) {
    super(message);
  }
}

export interface Client {
  fetch?: typeof fetch;
  base?: string;
  /** Called when the server no longer knows this session. */
  onSignedOut?: () => void;
}

const client: Client = {};
export function configure(c: Client): void {
  Object.assign(client, c);
}

interface Problem {
  title?: string;
  detail?: string;
  errors?: { message?: string; location?: string }[];
  problems?: unknown[];
}

async function refusal(res: Response): Promise<ApiError> {
  let p: Problem = {};
  try {
    if ((res.headers.get("Content-Type") ?? "").includes("json")) p = (await res.json()) as Problem;
  } catch {
    // The status alone has to say it.
  }
  const fields = (p.errors ?? []).map((e) => ({ location: e.location ?? "", message: e.message ?? "" }));
  const wait = Number(res.headers.get("Retry-After") ?? 0) || 0;
  let text = p.detail || p.title || `The server answered ${res.status} ${res.statusText}`.trim() + ".";
  if (fields.length > 0 && res.status === 422) text = fields.map((f) => sentence(f.message)).join(" ");
  return new ApiError(res.status, sentence(text), wait, fields, p.problems ?? []);
}

/** Upper case first, a full stop at the end. */
export function sentence(text: string): string {
  const t = text.trim();
  if (!t) return t;
  const s = t[0]!.toUpperCase() + t.slice(1);
  return /[.!?…]$/.test(s) ? s : s + ".";
}

/** One request to /api/v2; the calls of apps and of software stand in files of their own. */
export async function call<T>(
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<T> {
  const init: RequestInit = { method, credentials: "same-origin", headers: { Accept: "application/json" } };
  if (body instanceof Blob) {
    init.body = body;
    init.headers = { Accept: "application/json", "Content-Type": body.type || "application/octet-stream" };
  } else if (body instanceof FormData) {
    init.body = body; // the browser says where its parts end
  } else if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { Accept: "application/json", "Content-Type": "application/json" };
  }
  if (signal) init.signal = signal;
  let res: Response;
  try {
    res = await (client.fetch ?? fetch)((client.base ?? "") + "/api/v2" + path, init);
  } catch (err) {
    if (signal?.aborted) throw err;
    throw new ApiError(
      0,
      "The server cannot be reached. Check that it runs and that this device has a network.",
    );
  }
  if (!res.ok) {
    const err = await refusal(res);
    if (res.status === 401 && path !== "/session") client.onSignedOut?.();
    throw err;
  }
  if (res.status === 204) return undefined as T;
  return (await res.json()) as T;
}

export function query(params: Record<string, string | number | boolean | undefined>): string {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(params)) if (v !== undefined && v !== "") q.set(k, String(v));
  const s = q.toString();
  return s ? "?" + s : "";
}

const id = encodeURIComponent;

export const api = {
  session: () => call<Session>("GET", "/session"),
  setup: (token: string, name: string, password: string) =>
    call<Session>("POST", "/setup", { token, name, password }),
  /** Without a name where one password opens the page. */
  signIn: (name: string, password: string) =>
    call<Session>("POST", "/session", name ? { name, password } : { password }),
  signOut: () => call<void>("DELETE", "/session"),
  changePassword: (current: string, password: string) =>
    call<void>("PUT", "/session/password", { current, password }),

  things: (signal?: AbortSignal) => call<Things>("GET", "/things", undefined, signal),
  thing: (t: string) => call<Thing>("GET", `/things/${id(t)}`),
  patchThing: (t: string, change: { name?: string; tags?: string[]; widgets?: Record<string, string> }) =>
    call<Thing>("PATCH", `/things/${id(t)}`, change),
  deleteThing: (t: string) => call<void>("DELETE", `/things/${id(t)}`),
  /** The key names one of several that were asked for in the name of a thing of Roost's own runtime. */
  approve: (t: string, key = "") => call<Thing>("POST", `/things/${id(t)}/approve` + query({ key })),
  ignore: (t: string) => call<Thing>("POST", `/things/${id(t)}/ignore`),
  readings: (t: string, resource: string, from: number, to: number, points?: number, signal?: AbortSignal) =>
    call<Readings>(
      "GET",
      `/things/${id(t)}/readings` + query({ resource, from: Math.round(from), to: Math.round(to), points }),
      undefined,
      signal,
    ),

  command: (
    t: string,
    c: { kind?: Command["kind"]; resource?: string; value?: unknown; expires_in?: number },
  ) => call<Command>("POST", `/things/${id(t)}/commands`, c),
  commands: (t: string, limit = 50, kind?: Command["kind"]) =>
    call<{ commands: Command[] }>("GET", `/things/${id(t)}/commands` + query({ limit, kind })),
  cancelCommand: (c: string) => call<Command>("DELETE", `/commands/${id(c)}`),

  users: () => call<{ users: User[] }>("GET", "/users"),
  addUser: (name: string, password: string, role: Role) =>
    call<User>("POST", "/users", { name, password, role }),
  patchUser: (u: string, change: { role?: Role; password?: string }) =>
    call<User>("PATCH", `/users/${id(u)}`, change),
  deleteUser: (u: string) => call<void>("DELETE", `/users/${id(u)}`),
  tokens: () => call<{ tokens: Token[] }>("GET", "/tokens"),
  addToken: (t: { name: string; role: Role; expires_in_days?: number }) => call<Token>("POST", "/tokens", t),
  deleteToken: (t: string) => call<void>("DELETE", `/tokens/${id(t)}`),

  gateways: (signal?: AbortSignal) => call<{ gateways: Gateway[] }>("GET", "/gateways", undefined, signal),
  addGateway: (name: string) => call<NewGateway>("POST", "/gateways", { name }),
  revokeGateway: (g: string) => call<void>("DELETE", `/gateways/${id(g)}`),
  credentials: () => call<{ credentials: Credential[] }>("GET", "/credentials"),
  addCredential: (own: string) => call<NewCredential>("POST", "/credentials", { own }),
  revokeCredential: (c: string) => call<void>("DELETE", `/credentials/${id(c)}`),

  site: () => call<Site>("GET", "/site"),
  system: () => call<System>("GET", "/system"),
  /** app is for a PythingsOS device: whose id it brings; the account's without one. */
  simulate: (kind: SimulatedKind, app = "") =>
    call<{ id: string }>("POST", "/simulated", app ? { kind, app } : { kind }),
};

/** The sentence of whatever was thrown. */
export function reason(err: unknown): string {
  return err instanceof Error ? err.message : String(err);
}
