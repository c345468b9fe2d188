// The range in which a number is worth drawing: what its name is known for, else its unit, else itself.
import type { Resource } from "./api";
import { numberOf } from "./value";

export interface Range {
  low: number;
  high: number;
}
const byName: Record<string, [number, number]> = {
  temperature: [-15, 40],
  pressure: [950, 1030],
  humidity: [0, 100],
  eco2: [400, 8192],
  tvoc: [0, 1187],
  tsp: [0, 1187],
  tlp: [0, 1187],
  illuminance: [0, 1000],
  uvindex: [0, 11],
  dwnld: [0, 100],
  rssi: [-100, -30],
};
const byUnit: Record<string, [number, number]> = {
  "%": [0, 100],
  "°C": [-15, 40],
  "°F": [0, 110],
  K: [260, 320],
  hPa: [950, 1030],
  mbar: [950, 1030],
  lx: [0, 1000],
  ppm: [0, 2000],
  ppb: [0, 1187],
  dBm: [-100, -30],
  "°": [0, 360],
};

/** The next of 1, 2, 2.5, 5 times a power of ten that is not below x (for x > 0). */
export function niceCeil(x: number): number {
  const size = 10 ** Math.floor(Math.log10(x));
  for (const step of [1, 2, 2.5, 5, 10]) if (x <= step * size * (1 + 1e-9)) return step * size;
  return 10 * size;
}

/** Whether there is a range that the value itself did not make up. */
export const hasRange = (r: Pick<Resource, "name" | "unit">): boolean =>
  r.name in byName || (r.unit ?? "") in byUnit;

/** Grows when the value lies beyond it, by round steps. */
export function rangeOf(r: Pick<Resource, "name" | "unit" | "value" | "kind" | "number">): Range {
  const n = numberOf(r) ?? 0;
  const known = byName[r.name] ?? byUnit[r.unit ?? ""];
  let [low, high] = known ?? [0, Math.abs(n) > 0 ? niceCeil(Math.abs(n)) : 100];
  if (!known && n < 0) low = -high;
  if (n > high) high = n > 0 ? niceCeil(n) : 0;
  if (n < low) low = n < 0 ? -niceCeil(-n) : 0;
  return { low, high };
}

/** Where in its range a number lies, 0 to 1. */
export const share = (n: number, { low, high }: Range): number =>
  Math.min(1, Math.max(0, (n - low) / (high - low)));

/** The step of a slider over a range: about two hundred of them, round. */
export function stepOf({ low, high }: Range): number {
  const span = high - low;
  return span >= 100 && Number.isInteger(low) && Number.isInteger(high)
    ? Math.max(1, niceCeil(span / 1000))
    : niceCeil(span / 200);
}
