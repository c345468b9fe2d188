// Numbers, times and sizes as people read them.
import { asText, leadingNumber } from "./value";
import type { Resource } from "./api";

const nb = "\u00a0";

/** A number with sensible digits: 4 significant ones, no trailing zeros, true minus. */
export function formatNumber(x: number): string {
  if (!Number.isFinite(x)) return "–";
  const a = Math.abs(x);
  let s: string;
  if (a !== 0 && (a < 0.001 || a >= 1e9)) s = x.toExponential(2);
  else if (Number.isInteger(x)) s = String(x);
  else s = String(Number(x.toFixed(a >= 10_000 ? 0 : a >= 100 ? 1 : a >= 1 ? 2 : 3)));
  if (!s.includes("e")) {
    const [whole = "", part] = s.split(".");
    const grouped =
      whole.replace(/\D/g, "").length > 4 ? whole.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f") : whole;
    s = part === undefined ? grouped : `${grouped}.${part}`;
  }
  return s.replace("-", "\u2212");
}

/** Number and unit of a resource. Keeps the digits the thing sent ("24.0°C" stays 24.0), so columns stand still. */
export function shown(r: Pick<Resource, "value" | "number" | "unit" | "kind">): {
  text: string;
  unit: string;
} {
  const raw = asText(r.value);
  const n = r.number ?? leadingNumber(raw);
  if (n === null || r.kind === "text" || r.kind === "json" || r.kind === "boolean")
    return { text: raw, unit: "" };
  const digits = /^[-+]?\d*\.(\d+)/.exec(raw)?.[1]?.length ?? 0;
  const text =
    typeof r.value === "string" && digits > 0 && digits <= 3 && Math.abs(n) < 10_000
      ? n.toFixed(digits).replace("-", "\u2212")
      : formatNumber(n);
  return { text, unit: (r.unit ?? "").replace(/m3$/, "m³").replace(/m2$/, "m²") };
}

const steps: [number, number, string][] = [
  [60, 1, "s"],
  [3600, 60, "min"],
  [86_400, 3600, "h"],
  [86_400 * 45, 86_400, "d"],
  [86_400 * 548, 86_400 * 30.44, "mo"],
  [Infinity, 86_400 * 365.25, "y"],
];

/** How long ago, short: "now", "12 s", "4 min". */
export function age(at: number, now: number): string {
  if (!at) return "never";
  const s = Math.max(0, (now - at) / 1000);
  if (s < 2) return "now";
  for (const [below, size, unit] of steps) if (s < below) return `${Math.floor(s / size)}${nb}${unit}`;
  return "";
}

/** The same as part of a sentence: "just now", "4 min ago", "never". */
export function ago(at: number, now: number): string {
  const a = age(at, now);
  return a === "now" ? "just now" : a === "never" ? a : `${a} ago`;
}

/** How long until: "in 3 min". */
export function until(at: number, now: number): string {
  return at <= now ? "now" : `in ${age(now - (at - now), now).replace("now", `1${nb}s`)}`;
}

/** "" is the zone of the browser. */
let zone = "";
const formatsIn = (timeZone: string) => {
  const make = (o: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(undefined, timeZone ? { ...o, timeZone } : o);
  return {
    exact: make({ dateStyle: "medium", timeStyle: "long" }),
    clock: make({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
    second: make({ timeStyle: "medium", hourCycle: "h23" }),
    day: make({ day: "numeric", month: "short" }),
    date: make({ dateStyle: "medium" }),
    sameDay: make({ year: "numeric", month: "numeric", day: "numeric" }),
  };
};
let formats = formatsIn(zone);

/** All times are shown in this zone from now on; false when the browser does not know it. */
export function setTimeZone(timeZone: string): boolean {
  try {
    formats = formatsIn(timeZone);
    zone = timeZone;
    return true;
  } catch {
    return false;
  }
}
export const timeZone = (): string => zone;

/** The exact time in the reader's zone, for hovering. */
export const exact = (at: number): string => (at ? formats.exact.format(at) : "never");
export const date = (at: number): string => (at ? formats.date.format(at) : "never");
export const clock = (at: number): string => formats.second.format(at);
/** "09:12" */
export const minute = (at: number): string => formats.clock.format(at);
/** "18 Nov" */
export const day = (at: number): string => formats.day.format(at);
export const sameDay = (a: number, b: number): boolean =>
  formats.sameDay.format(a) === formats.sameDay.format(b);

/** "09:12" today, "18 Nov 09:12" before. */
export function since(at: number, now: number): string {
  return sameDay(at, now) ? minute(at) : `${day(at)} ${minute(at)}`;
}

/** A delay in ms as people read it: "40 ms", "1.2 s", "4 min". */
export function lag(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}${nb}ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)}${nb}s`;
  return age(1, 1 + ms);
}

export function bytes(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return `${i === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)}${nb}${units[i]}`;
}

export function count(n: number, one: string, many = one + "s"): string {
  return `${formatNumber(n)}${nb}${n === 1 ? one : many}`;
}
