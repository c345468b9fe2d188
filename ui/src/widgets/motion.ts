// What the motion widget keeps of the last minute: enough for its lines, no more.
import type { Axis } from "../lib/value";
import { norm } from "../lib/attitude";

export interface Sample {
  t: number;
  v: number[];
}
const kept = 300;
const span = 60_000; // ms

export class Motion {
  acc: Sample[] = [];
  gyro: Sample[] = [];
  mag: Axis | undefined;

  take(axes: Axis[], at: number): void {
    for (const a of axes) {
      if (a.type === "acc") add(this.acc, { t: at, v: [norm(a.values)] });
      else if (a.type === "gyro") add(this.gyro, { t: at, v: a.values });
      else this.mag = a;
    }
  }
}

function add(list: Sample[], s: Sample): void {
  if (s.t <= (list.at(-1)?.t ?? 0)) return;
  list.push(s);
  const old = list.findIndex((x) => x.t >= s.t - span);
  list.splice(0, Math.max(old, list.length - kept));
}

/** Path data of one column of samples over a w x h box, low and high at its edges. */
export function linePath(
  list: Sample[],
  column: number,
  low: number,
  high: number,
  w: number,
  h: number,
): string {
  if (list.length < 2) return "";
  const to = list.at(-1)!.t;
  const from = Math.min(list[0]!.t, to - 1000);
  let d = "";
  for (const s of list) {
    const x = ((s.t - from) / (to - from)) * w;
    const part = Math.min(1, Math.max(0, ((s.v[column] ?? 0) - low) / (high - low || 1)));
    d += `${d ? "L" : "M"}${x.toFixed(1)} ${(h - part * h).toFixed(1)}`;
  }
  return d;
}

/** The range that shows how a length trembles: around its values, never narrower than a tenth of them. */
export function around(list: Sample[]): { low: number; high: number } {
  let low = Infinity;
  let high = -Infinity;
  for (const { v } of list) {
    low = Math.min(low, v[0] ?? 0);
    high = Math.max(high, v[0] ?? 0);
  }
  const least = Math.max(Math.abs(high) / 10, 1e-6);
  const air = Math.max(0, least - (high - low)) / 2;
  return { low: low - air, high: high + air };
}

/** The range of a chart: what Pyaiot's pages draw, wider when the sensor says more. */
export function grown(list: Sample[], top: number): number {
  let most = top;
  for (const s of list) for (const v of s.v) most = Math.max(most, Math.abs(v));
  return most;
}
