// What is written beside the runtime: who the board is, its networks, its server. No I/O.
import type { RuntimeFile } from "../newboard";
import type { Files } from "./board";
import { bytesOf } from "./wire";

export interface Network {
  ssid: string;
  password: string;
}

const text = (o: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(o));
const mostNetworks = 3;

export function filesOf(runtime: RuntimeFile[]): Files {
  const out: Files = {};
  for (const f of runtime) out["/" + f.path.replace(/^\//, "")] = bytesOf(atob(f.data));
  return out;
}

/** Who it is: its key, and the password of the access point that it opens for its set-up. */
export function identity(made: { id: string; key: string; apPassword: string }): Files {
  return {
    "/_s/key": text({ id: made.id, key: made.key }),
    "/_s/ap": new TextEncoder().encode(made.apPassword + "\n"),
  };
}

/** The network first among those that the board knows; three at most. What is unreadable is left behind. */
export function withNetwork(now: Uint8Array | null, fresh: Network): Files {
  let known: Network[] = [];
  try {
    const read: unknown = JSON.parse(new TextDecoder().decode(now ?? undefined));
    known = (Array.isArray(read) ? read : [read]) as Network[];
  } catch {
    // There are none.
  }
  const others = known.filter((n) => typeof n?.ssid === "string" && n.ssid !== fresh.ssid);
  return { "/wifi.json": text([fresh, ...others].slice(0, mostNetworks)) };
}

const settingsIn = (file: Uint8Array | null): Record<string, unknown> => {
  try {
    return (JSON.parse(new TextDecoder().decode(file ?? undefined)) ?? {}) as Record<string, unknown>;
  } catch {
    return {}; // there are none
  }
};

export function serverIn(settings: Uint8Array | null): string {
  const { server } = settingsIn(settings);
  return typeof server === "string" ? server : "";
}

export function withServer(now: Uint8Array | null, server: string): Files {
  return { "/settings.json": text({ ...settingsIn(now), server }) };
}

/** Why that is no network a board could join; "" if it may be one. */
export function networkFault({ ssid, password }: Network): string {
  if (!ssid) return password ? "A password without the network’s name." : "";
  if (new TextEncoder().encode(ssid).length > 32) return "A network’s name has at most 32 bytes.";
  const n = new TextEncoder().encode(password).length;
  return n > 0 && (n < 8 || n > 64) ? "A Wi-Fi password has 8 to 63 characters." : "";
}

/** http://host:port as boards take it, or why not. */
export function serverFault(address: string): string {
  try {
    const u = new URL(address);
    if ((u.protocol === "http:" || u.protocol === "https:") && u.pathname === "/" && !u.search) return "";
  } catch {
    // It is none.
  }
  return "Write it as http://192.168.1.10:8080.";
}

/** Why a board could not call there, over TLS; "" if it could. */
export function noTLS(platform: string, server: string): string {
  if (platform !== "esp8266" || !/^https:/i.test(server)) return "";
  return "An ESP8266 has no room for TLS: write this server’s address with http://. What is said there is sealed with the board’s own key all the same.";
}

/** A word as a shell takes it. */
export const word = (s: string): string =>
  /^[\w.,:/@%+=-]+$/.test(s) ? s : `'${s.replaceAll("'", "'\\''")}'`;
