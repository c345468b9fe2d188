import { expect, test } from "vitest";
import { Attitude, norm } from "../src/lib/attitude";
import { around, grown, linePath, Motion } from "../src/widgets/motion";
import type { Axis } from "../src/lib/value";

const gyro = (x: number, y: number, z: number): Axis[] => [{ type: "gyro", values: [x, y, z] }];
const acc = (x: number, y: number, z: number): Axis[] => [{ type: "acc", values: [x, y, z] }];

test("rotation is summed over time, 150 a half turn", () => {
  const a = new Attitude();
  a.take(gyro(9, 0, 0), 1000); // the first one starts the clock
  expect(a.angles).toEqual([0, 0, 0]);
  for (let i = 1; i <= 5; i++) a.take(gyro(30, -15, 75), 1000 + i * 200);
  expect(a.angles[0]).toBeCloseTo((30 * Math.PI) / 150);
  expect(a.angles[1]).toBeCloseTo((-15 * Math.PI) / 150);
  expect(a.angles[2]).toBeCloseTo(Math.PI / 2);
});

test("angles stay within a turn, and a gap does not spin it", () => {
  const a = new Attitude();
  a.take(gyro(0, 0, 0), 0);
  a.take(gyro(0, 0, 100), 600_000);
  expect(a.angles[2]).toBeCloseTo((100 * Math.PI) / 150); // a second of it, not ten minutes
  for (let i = 1; i < 50; i++) a.take(gyro(0, 0, 100), 600_000 + i * 1000);
  expect(Math.abs(a.angles[2])).toBeLessThanOrEqual(Math.PI + 1e-9);
});

test("a reading that overtakes another does not turn it back", () => {
  const a = new Attitude();
  a.take(gyro(0, 0, 50), 2000);
  a.take(gyro(0, 0, 50), 1000);
  expect(a.angles[2]).toBe(0);
});

test("gravity alone says how it leans", () => {
  const a = new Attitude();
  a.take(acc(0, 1000, 1000), 1000);
  expect(a.angles[0]).toBeCloseTo(Math.PI / 4);
  a.take(acc(-1000, 0, 1000), 1200);
  expect(a.angles[0]).toBeCloseTo(0);
  expect(a.angles[1]).toBeCloseTo(Math.PI / 4);
  a.take(acc(0, 0, 0), 1400); // falling, or broken: no news
  expect(a.angles[1]).toBeCloseTo(Math.PI / 4);
});

test("gravity takes drift away, slowly, and leaves the heading", () => {
  const a = new Attitude();
  a.take(acc(0, 0, 1000), 0);
  a.take(gyro(0, 0, 0), 0);
  a.take(gyro(60, 0, 60), 1000);
  const heading = a.angles[2];
  a.take(acc(0, 0, 1000), 1000);
  expect(a.angles[0]).toBeGreaterThan(0.5);
  for (let i = 2; i < 20; i++) a.take(acc(0, 0, 1000), i * 1000);
  expect(a.angles[0]).toBeCloseTo(0, 2);
  expect(a.angles[2]).toBe(heading);
});

test("a reset makes how it lies level", () => {
  const a = new Attitude();
  a.take(acc(0, 500, 800), 0);
  a.take(gyro(0, 0, 0), 0);
  a.take(gyro(0, 0, 40), 1000);
  a.reset();
  expect(a.angles).toEqual([0, 0, 0]);
  a.take(acc(0, 500, 800), 5000);
  expect(a.angles[0]).toBeCloseTo(0);
});

test("the last minute is kept, and no more", () => {
  const m = new Motion();
  for (let t = 1; t <= 1000; t++) m.take([...acc(3, 4, 0), ...gyro(t, 0, -t)], t * 1000);
  expect(m.acc.length).toBe(61);
  expect(m.acc.at(-1)).toEqual({ t: 1_000_000, v: [5] });
  expect(grown(m.gyro, 800)).toBe(1000);
  for (let t = 1; t <= 1000; t++) m.take(acc(0, 0, t), 1_000_000 + t);
  expect(m.acc.length).toBe(300);
  m.take([{ type: "mag", values: [1, 2, 3] }], 1);
  expect(m.mag?.values).toEqual([1, 2, 3]);
});

test("lines fit their box", () => {
  const list = [
    { t: 0, v: [-800] },
    { t: 500, v: [0] },
    { t: 1000, v: [9999] },
  ];
  expect(linePath(list, 0, -800, 800, 100, 40)).toBe("M0.0 40.0L50.0 20.0L100.0 0.0");
  expect(linePath(list.slice(0, 1), 0, -1, 1, 100, 40)).toBe("");
  const { low, high } = around([
    { t: 0, v: [1000] },
    { t: 1, v: [1002] },
  ]);
  expect(high - low).toBeCloseTo(100.2);
  expect(norm([1, 2, 2])).toBe(3);
});
