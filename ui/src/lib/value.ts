// What a device sent, made fit to show. All of it stays text: nothing here makes HTML.
import type { Kind, Resource } from "./api";

/** Old CoAP firmwares pad their answers to 64 bytes with NULs. */
export function clean(value: unknown): unknown {
  return typeof value === "string" ? value.replace(/\0+$/, "").trim() : value;
}

export function asText(value: unknown): string {
  const v = clean(value);
  if (v === null || v === undefined) return "";
  if (typeof v === "string") return v;
  if (typeof v === "number" || typeof v === "boolean") return String(v);
  return JSON.stringify(v);
}

/** The leading number of a text like "24.1°C", or null. */
export function leadingNumber(value: unknown): number | null {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value !== "string") return null;
  const m = /^\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?/.exec(value);
  return m ? Number(m[0]) : null;
}

/** The number of a resource for charts: booleans and on/off are 1 and 0. */
export function numberOf(r: { value: unknown; kind: Kind; number?: number }): number | null {
  if (typeof r.number === "number" && Number.isFinite(r.number)) return r.number;
  if (r.kind === "boolean") return isOn(r.value) ? 1 : 0;
  return r.kind === "number" ? leadingNumber(clean(r.value)) : null;
}

export function isOn(value: unknown): boolean {
  const v = clean(value);
  if (typeof v === "string") return ["1", "true", "on"].includes(v.toLowerCase());
  return v === true || v === 1;
}

export function isOnOff(value: unknown): boolean {
  const v = clean(value);
  if (typeof v === "boolean") return true;
  if (typeof v === "number") return v === 0 || v === 1;
  return typeof v === "string" && ["0", "1", "true", "false", "on", "off"].includes(v.toLowerCase());
}

/** The value a switch sends, in the spelling the thing itself uses. */
export function onOffLike(value: unknown, on: boolean): unknown {
  const v = clean(value);
  if (typeof v === "boolean") return on;
  if (typeof v === "number") return on ? 1 : 0;
  const t = typeof v === "string" ? v : "";
  const pairs: [string, string][] = [
    ["true", "false"],
    ["True", "False"],
    ["on", "off"],
    ["ON", "OFF"],
    ["On", "Off"],
  ];
  for (const [yes, no] of pairs) if (t === yes || t === no) return on ? yes : no;
  return on ? "1" : "0";
}

export interface Axis {
  type: "acc" | "gyro" | "mag";
  values: [number, number, number];
}

/** An `imu` value: JSON (text or not) of [{type, values}], with or without the "imu:" some firmwares prefix. */
export function parseImu(value: unknown): Axis[] {
  let v = clean(value);
  if (typeof v === "string") {
    try {
      v = JSON.parse(v.replace(/^imu:/, ""));
    } catch {
      return [];
    }
  }
  if (!Array.isArray(v)) return [];
  const out: Axis[] = [];
  for (const item of v as unknown[]) {
    const { type, values } = (item ?? {}) as { type?: unknown; values?: unknown };
    if (type !== "acc" && type !== "gyro" && type !== "mag") continue;
    if (!Array.isArray(values) || values.length < 3) continue;
    const n = values.slice(0, 3).map(Number);
    if (n.every(Number.isFinite)) out.push({ type, values: n as [number, number, number] });
  }
  return out;
}

/** {lat, lng} as an object or as its JSON text, or "48.71, 2.20". */
export function parsePosition(value: unknown): { lat: number; lng: number } | null {
  let v = clean(value);
  if (typeof v === "string") {
    const pair = /^(-?\d+(?:\.\d+)?)\s*[,;]\s*(-?\d+(?:\.\d+)?)$/.exec(v);
    try {
      v = pair ? { lat: pair[1], lng: pair[2] } : JSON.parse(v);
    } catch {
      return null;
    }
  }
  if (!v || typeof v !== "object") return null;
  const o = v as Record<string, unknown>;
  const num = (x: unknown) =>
    typeof x === "number" || (typeof x === "string" && x.trim()) ? Number(x) : NaN;
  const lat = num(o.lat ?? o.latitude);
  const lng = num(o.lng ?? o.lon ?? o.longitude);
  if (!(Math.abs(lat) <= 90) || !(Math.abs(lng) <= 180)) return null;
  return { lat, lng };
}

/** The address if it is http(s), else null: nothing a device says becomes a javascript: link. */
export function httpUrl(value: unknown): string | null {
  try {
    const u = new URL(asText(value));
    return u.protocol === "http:" || u.protocol === "https:" ? u.href : null;
  } catch {
    return null;
  }
}

/** Pretty JSON of a value, or its text when it is none. */
export function pretty(value: unknown): string {
  let v = clean(value);
  if (typeof v === "string") {
    try {
      v = JSON.parse(v);
    } catch {
      return v as string;
    }
  }
  return typeof v === "string" ? v : JSON.stringify(v, null, 2);
}

const suit: Record<string, string> = {
  "1": "Update triggered",
  "2": "Validating signature",
  "3": "Signature validation error",
  "5": "Sequence number error",
  "6": "Download started",
  "8": "Download error, failed",
  "9": "Validating digest",
  "10": "Digest validation error",
  "11": "Download completed",
};
const suitErrors = new Set(["3", "5", "8", "10"]);

export function suitState(value: unknown): { text: string; error: boolean; downloading: boolean } {
  const key = asText(value);
  return {
    text: key === "0" || key === "" ? "No update" : (suit[key] ?? `State ${key}`),
    error: suitErrors.has(key),
    downloading: key === "6",
  };
}

/** What a stick at (x, y) of a pad sends: x right and y down, each -1..1, limited to the circle. */
export function stick(x: number, y: number): string {
  const far = Math.hypot(x, y);
  if (far > 1) {
    x /= far;
    y /= far;
  }
  const dx = -Math.round(x * 255);
  const dy = Math.round(y * 255);
  return `${dx + 0}:${dy + 0}:${dx + dy}\n`;
}
export const stickAtRest = "0:0:0\n";

/** A text typed by a person as the value to send: like the one that stands there (number, boolean, JSON), else text. */
export function typed(text: string, like: Pick<Resource, "value"> | undefined): unknown {
  const now = like ? clean(like.value) : undefined;
  if (typeof now === "number") {
    const n = Number(text);
    return text.trim() !== "" && Number.isFinite(n) ? n : text;
  }
  if (typeof now === "boolean" && /^(true|false)$/.test(text.trim())) return text.trim() === "true";
  if (now !== null && typeof now === "object") {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      return text;
    }
  }
  return text;
}
