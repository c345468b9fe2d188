// The numbers of one resource over a span of time: history first, then what comes live, in buckets of one width.
import type { NumberPoint } from "../../lib/api";

export class Track {
  points: NumberPoint[] = [];
  /** Width of a bucket in ms; live readings closer than this to the last point join it. */
  width = 0;

  set(points: NumberPoint[], span: number, most: number): void {
    const live = this.points;
    this.width = span / most;
    this.points = points;
    // What came live while the history was on its way.
    const end = points.at(-1)?.t ?? -Infinity;
    for (const p of live) if (p.n === 1 && p.t > end + this.width) this.points.push(p);
  }

  add(t: number, v: number): void {
    const last = this.points.at(-1);
    if (last && t < last.t) return;
    if (last && t - last.t < this.width) {
      last.mean = (last.mean * last.n + v) / (last.n + 1);
      last.n++;
      last.last = v;
      last.min = Math.min(last.min, v);
      last.max = Math.max(last.max, v);
      return;
    }
    this.points.push({ t, min: v, max: v, mean: v, last: v, n: 1 });
  }

  /** Forgets what is older than from. */
  trim(from: number): void {
    let i = 0;
    while (i < this.points.length && this.points[i]!.t < from) i++;
    if (i > 1) this.points.splice(0, i - 1);
  }
}

type Column = (number | null)[];

/** Columns for a chart: seconds, min, max, line; a silence much longer than usual breaks the line. */
export function columns(
  points: NumberPoint[],
  stepped: boolean,
  end = 0,
): [number[], Column, Column, Column] {
  const x: number[] = [];
  const min: Column = [];
  const max: Column = [];
  const line: Column = [];
  const pause = stepped ? Infinity : usualPause(points) * 5;
  let before = -Infinity;
  for (const p of points) {
    if (before !== -Infinity && p.t - before > pause) {
      x.push((before + 1) / 1000);
      min.push(null);
      max.push(null);
      line.push(null);
    }
    x.push(p.t / 1000);
    min.push(p.min);
    max.push(p.max);
    line.push(stepped ? p.last : p.mean);
    before = p.t;
  }
  // A switch stays as it is until it changes.
  const last = points.at(-1);
  if (stepped && last && end > last.t) {
    x.push(end / 1000);
    min.push(last.last);
    max.push(last.last);
    line.push(last.last);
  }
  return [x, min, max, line];
}

function usualPause(points: NumberPoint[]): number {
  const gaps: number[] = [];
  for (let i = 1; i < points.length; i++) gaps.push(points[i]!.t - points[i - 1]!.t);
  gaps.sort((a, b) => a - b);
  return Math.max(gaps[Math.floor(gaps.length / 2)] ?? Infinity, 1000);
}
