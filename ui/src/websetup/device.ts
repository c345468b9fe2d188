// What is said with a device in set-up mode: plain HTTP, one command a request, in the query.
export const usualDevice = "http://192.168.4.1";

export type Verb = "check" | "set_app" | "set_apn" | "scan" | "join" | "check_wifi" | "close";
export interface Order {
  cmd: Verb;
  /** In the order in which they are sent. */
  params?: Record<string, string>;
}
export interface Check {
  tid: string;
  platform: string;
  version: string;
  aid: string;
  apn: string;
  essid: string;
}
export interface Network {
  essid: string;
  /** dBm */
  rssi: number;
  channel: number;
  open: boolean;
  hidden: boolean;
}

/** How long an answer may take, in ms. A join and a check wait 25 s on the device; a scan turns its radio on and off. */
export const patience = (cmd: Verb): number =>
  cmd === "join" || cmd === "check_wifi" ? 30_000 : cmd === "scan" ? 12_000 : 3000;

/** Devices undo %XX byte by byte and nothing else: a space is %20, a plus %2B. */
export function queryOf({ cmd, params = {} }: Order): string {
  const all: [string, string][] = [["cmd", cmd], ...Object.entries(params)];
  return "?" + all.map(([k, v]) => `${k}=${encode(v)}`).join("&");
}
const encode = (v: string) =>
  encodeURIComponent(v).replace(/[!'()*]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase());

/** Devices take every byte for a character: other letters arrive wrong. */
export const isAscii = (v: string): boolean => /^[\x20-\x7e]*$/.test(v);

const text = (v: unknown): string => (typeof v === "string" ? v : typeof v === "number" ? String(v) : "");

/** Releases before v1.1 tell their info in one text and little else. */
export function readCheck(answer: unknown): Check | null {
  if (typeof answer !== "object" || answer === null) return null;
  const a = answer as Record<string, unknown>;
  if (a.status !== "OK") return null;
  return {
    tid: text(a.tid) || text(a.info),
    platform: text(a.platform),
    version: text(a.version),
    aid: text(a.aid),
    apn: text(a.apn),
    essid: text(a.essid),
  };
}

/** Networks by strength, the strongest of each name; those that hide their name are left out. */
export function readScan(answer: unknown): Network[] {
  if (!Array.isArray(answer)) return [];
  const best = new Map<string, Network>();
  for (const row of answer as unknown[]) {
    if (!Array.isArray(row)) continue;
    const [essid, , channel, rssi, auth, hidden] = row as unknown[];
    if (typeof essid !== "string" || essid === "" || typeof rssi !== "number") continue;
    const n = { essid, rssi, channel: Number(channel) || 0, open: auth === 0, hidden: hidden === true };
    const old = best.get(essid);
    if (!old || old.rssi < n.rssi) best.set(essid, n);
  }
  return [...best.values()].sort((a, b) => b.rssi - a.rssi);
}

/** Bars from 1 to 4. */
export const bars = (rssi: number): number => (rssi >= -55 ? 4 : rssi >= -67 ? 3 : rssi >= -78 ? 2 : 1);

/** BSSIDs may put raw control bytes into the text. */
export function parseAnswer(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return JSON.parse(raw.replace(/[\u0000-\u001f\u007f]/g, "?"));
  }
}

export interface AskOptions {
  fetch?: typeof fetch;
  secure?: boolean;
}
/** One request. Throws when the device is not there, is too slow or answers no JSON. */
export async function ask(base: string, order: Order, options: AskOptions = {}): Promise<unknown> {
  const init: RequestInit & { targetAddressSpace?: string } = {
    mode: "cors",
    credentials: "omit",
    cache: "no-store",
    signal: AbortSignal.timeout(patience(order.cmd)),
  };
  // From a page over HTTPS some browsers ask the reader, if they are told that the address is a local one.
  if (options.secure) init.targetAddressSpace = thisComputer.test(base) ? "loopback" : "local";
  const res = await (options.fetch ?? fetch)(base + "/" + queryOf(order), init);
  return parseAnswer(await res.text());
}

const thisComputer = /^http:\/\/(localhost|127\.|\[::1\])/;
const near =
  /^(localhost|127\.\d+\.\d+\.\d+|10\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+|169\.254\.\d+\.\d+|172\.(1[6-9]|2\d|3[01])\.\d+\.\d+|\[(::1|f[cde][0-9a-f:]*)\]|[\w-]+\.local)$/i;

/** Another address of the device. It gets the Wi-Fi password: only addresses of the own network are taken. */
export function deviceAddress(wish: string | null): string {
  if (!wish) return usualDevice;
  try {
    const url = new URL(wish);
    return url.protocol === "http:" && near.test(url.hostname) ? url.origin : usualDevice;
  } catch {
    return usualDevice;
  }
}

/** This page over plain HTTP. Roost speaks both on one port, unless a proxy stands before it. */
export function plainAddress(here: {
  protocol: string;
  host: string;
  pathname: string;
  search: string;
}): string {
  return `http://${here.host}${here.pathname}${here.search}`;
}

/** A device that comes from a maker: its app is given, and the page bears the maker's name. */
export interface Maker {
  aid: string;
  title: string;
  logo: string;
}
export function makerOf(search: string, base: string): Maker {
  const q = new URLSearchParams(search);
  const aid = (q.get("aid") ?? "").trim();
  return {
    aid: /^[A-Za-z0-9-]{1,36}$/.test(aid) ? aid : "",
    title: (q.get("title") ?? "").trim().slice(0, 60),
    logo: pictureAddress(q.get("logo"), base),
  };
}
function pictureAddress(wish: string | null, base: string): string {
  if (!wish) return "";
  try {
    const url = new URL(wish, base);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : "";
  } catch {
    return "";
  }
}
