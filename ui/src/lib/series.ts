// A short run of numbers for a sparkline: what the server has of the last hour, then live.
export interface Point {
  t: number;
  v: number;
}

const longest = 120;

export class Series {
  points: Point[] = [];
  loaded = false;

  /** Adds a live reading; older or equal times are known already. */
  add(t: number, v: number): void {
    const last = this.points.at(-1);
    if (last && t <= last.t) return;
    this.points.push({ t, v });
    if (this.points.length > longest * 2) this.points.splice(0, this.points.length - longest);
  }

  /** Puts history before what came live meanwhile. */
  fill(past: Point[]): void {
    const first = this.points[0]?.t ?? Infinity;
    this.points = past.filter((p) => p.t < first).concat(this.points);
    this.loaded = true;
  }

  clear(): void {
    this.points = [];
  }
}

/** SVG path data over a w x h box with a little air; "" with fewer than two points. */
export function sparkPath(points: Point[], w: number, h: number): string {
  const p = points.slice(-longest);
  if (p.length < 2) return "";
  const t0 = p[0]!.t;
  const dt = p.at(-1)!.t - t0 || 1;
  let low = Infinity;
  let high = -Infinity;
  for (const { v } of p) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  const flat = high === low;
  const air = 1.5;
  const y = (v: number) => (flat ? h / 2 : air + (1 - (v - low) / (high - low)) * (h - 2 * air));
  let d = "";
  for (const { t, v } of p) {
    const x = ((t - t0) / dt) * w;
    d += `${d ? "L" : "M"}${x.toFixed(1)} ${y(v).toFixed(1)}`;
  }
  return d;
}
