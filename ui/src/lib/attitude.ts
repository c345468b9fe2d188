// From the readings of a motion sensor to how its body lies. Angles are radians about the sensor's own axes, z up.
import type { Axis } from "./value";

type Three = [number, number, number];
const perUnit = Math.PI / 150; // a radian for so many units of rotation times seconds
const longestStep = 1; // s: after a gap nobody knows how it turned
const settle = 2; // s in which gravity takes over from the sum of rotations

const wrap = (a: number): number => a - 2 * Math.PI * Math.round(a / (2 * Math.PI));

export class Attitude {
  /** About x, y and z. */
  angles: Three = [0, 0, 0];
  #gyroAt: number | null = null;
  #accAt: number | null = null;
  #turned = false;
  #tilt: [number, number] | null = null;
  #level: [number, number] = [0, 0];

  /** `at` in ms. */
  take(axes: Axis[], at: number): void {
    for (const a of axes) {
      if (a.type === "gyro") this.#turn(a.values, at);
      else if (a.type === "acc") this.#lean(a.values, at);
    }
  }

  #turn(rate: Three, at: number): void {
    const s = this.#gyroAt !== null ? Math.min(longestStep, Math.max(0, (at - this.#gyroAt) / 1000)) : 0;
    this.#gyroAt = at;
    this.#turned = true;
    this.angles = this.angles.map((a, i) => wrap(a + rate[i]! * s * perUnit)) as Three;
  }

  // Gravity says how it leans; it knows nothing about where the nose points.
  #lean([x, y, z]: Three, at: number): void {
    if (Math.hypot(x, y, z) === 0) return;
    this.#tilt = [Math.atan2(y, z), Math.atan2(-x, Math.hypot(y, z))];
    const s = this.#accAt !== null ? Math.min(longestStep, Math.max(0, (at - this.#accAt) / 1000)) : Infinity;
    this.#accAt = at;
    const part = this.#turned ? 1 - Math.exp(-s / settle) : 1;
    for (const i of [0, 1] as const) {
      const to = wrap(this.#tilt[i] - this.#level[i]);
      this.angles[i] = wrap(this.angles[i] + wrap(to - this.angles[i]) * part);
    }
  }

  /** As it lies now is level and straight ahead. */
  reset(): void {
    this.angles = [0, 0, 0];
    if (this.#tilt) this.#level = [...this.#tilt];
  }
}

/** The length of a vector: what an accelerometer at rest says of gravity. */
export const norm = (v: readonly number[]): number => Math.hypot(...v);
