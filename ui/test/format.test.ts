import { expect, test } from "vitest";
import { csv } from "../src/lib/csv";
import { age, ago, bytes, formatNumber, shown, until } from "../src/lib/format";
import { Series, sparkPath } from "../src/lib/series";
import { strength } from "../src/lib/strength";
import { hostFor, portOf } from "../src/pages/add/kinds";
import { filterThings, readFilter, writeFilter } from "../src/pages/fleet/filter";
import { columns, Track } from "../src/pages/thing/track";

const nb = "\u00a0";

test.each([
  [0, "0"],
  [21.4, "21.4"],
  [-1.25, "−1.25"],
  [1013.25, "1013.3"],
  [0.12345, "0.123"],
  [12345, "12\u202f345"],
  [1234567.8, "1\u202f234\u202f568"],
  [0.00001, "1.00e−5"],
  [NaN, "–"],
])("%s is shown as %s", (x, want) => {
  expect(formatNumber(x)).toBe(want);
});

test("a value keeps the digits its thing sent", () => {
  expect(shown({ value: "24.0°C", number: 24, unit: "°C", kind: "number" })).toEqual({
    text: "24.0",
    unit: "°C",
  });
  expect(shown({ value: "45.07%\0\0", number: 45.07, unit: "%", kind: "number" })).toEqual({
    text: "45.07",
    unit: "%",
  });
  expect(shown({ value: 24.25, number: 24.25, kind: "number" })).toEqual({ text: "24.25", unit: "" });
  expect(shown({ value: "3 windows", kind: "text" })).toEqual({ text: "3 windows", unit: "" });
});

test("ages are short and never negative", () => {
  const now = 1_000_000_000;
  expect(age(now - 500, now)).toBe("now");
  expect(age(now + 5000, now)).toBe("now");
  expect(age(now - 12_000, now)).toBe(`12${nb}s`);
  expect(age(now - 4 * 60_000, now)).toBe(`4${nb}min`);
  expect(age(now - 3 * 3_600_000, now)).toBe(`3${nb}h`);
  expect(age(now - 2 * 86_400_000, now)).toBe(`2${nb}d`);
  expect(ago(0, now)).toBe("never");
  expect(ago(now - 60_000, now)).toBe(`1${nb}min ago`);
  expect(until(now + 180_000, now)).toBe(`in 3${nb}min`);
});

test("sizes", () => {
  expect(bytes(900)).toBe(`900${nb}B`);
  expect(bytes(48_230_400)).toBe(`48.2${nb}MB`);
});

test("CSV quotes, and does not let a device's text run in a spreadsheet", () => {
  expect(
    csv([
      ["a", 'say "hi"', "x,y"],
      [1, -2, "=HYPERLINK()"],
    ]),
  ).toBe('a,"say ""hi""","x,y"\r\n1,-2,\'=HYPERLINK()\r\n');
});

test("history goes before what came live meanwhile", () => {
  const s = new Series();
  s.add(100, 5);
  s.add(100, 6);
  s.add(90, 7);
  s.fill([
    { t: 50, v: 1 },
    { t: 100, v: 9 },
  ]);
  s.add(110, 8);
  expect(s.points).toEqual([
    { t: 50, v: 1 },
    { t: 100, v: 5 },
    { t: 110, v: 8 },
  ]);
});

test("a sparkline needs two points and survives a flat line", () => {
  expect(sparkPath([{ t: 1, v: 1 }], 10, 10)).toBe("");
  expect(
    sparkPath(
      [
        { t: 0, v: 2 },
        { t: 10, v: 2 },
      ],
      10,
      10,
    ),
  ).toBe("M0.0 5.0L10.0 5.0");
});

test("live readings join the bucket of the chart they fall in", () => {
  const t = new Track();
  t.set([{ t: 0, min: 1, max: 1, mean: 1, last: 1, n: 1 }], 1000, 10);
  t.add(50, 3);
  t.add(150, 4);
  expect(t.points).toEqual([
    { t: 0, min: 1, max: 3, mean: 2, last: 3, n: 2 },
    { t: 150, min: 4, max: 4, mean: 4, last: 4, n: 1 },
  ]);
});

test("a long silence breaks the line, a switch stays until it changes", () => {
  const p = (t: number, v: number) => ({ t, min: v, max: v, mean: v, last: v, n: 1 });
  const run = [p(0, 1), p(5000, 1), p(10_000, 1), p(100_000, 1)];
  expect(columns(run, false)[3]).toEqual([1, 1, 1, null, 1]);
  expect(columns(run, true, 200_000)[0]).toEqual([0, 5, 10, 100, 200]);
});

test("passwords: length and variety count, patterns do not", () => {
  expect(strength("").level).toBe(0);
  expect(strength("short").level).toBe(1);
  expect(strength("password123").level).toBe(1);
  expect(strength("aaaaaaaaaaaaaaaa").level).toBe(1);
  expect(strength("correct horse battery").level).toBe(4);
});

test("ports and names for the steps of adding a thing", () => {
  expect(portOf("[::]:5683")).toBe("5683");
  expect(portOf("")).toBe("");
  expect(hostFor("192.168.1.5", "http://localhost:8080")).toBe("192.168.1.5");
  expect(hostFor("localhost", "http://roost.lan:8080")).toBe("roost.lan");
  expect(hostFor("localhost", "http://127.0.0.1:8080")).toBe("localhost");
});

test("a filter survives its address", () => {
  const f = readFilter("?q=led+lab&show=offline&tag=a%26b&sort=heard");
  expect(readFilter(writeFilter(f))).toEqual(f);
  expect(writeFilter(readFilter("?show=nonsense"))).toBe("");
});

test("filters: every word, presence, and the ignored only when asked for", () => {
  const thing = (name: string, more: object) => ({
    hay: name,
    info: { state: "enrolled", online: true, protocol: "CoAP", tags: [], last_heard: 1, ...more },
  });
  const all = [
    thing("attic led", {}),
    thing("attic", { online: false }),
    thing("bad", { state: "ignored" }),
    thing("new", { state: "waiting" }),
  ] as never[];
  const names = (q: string) => filterThings(all, readFilter(q)).map((t) => t.hay);
  expect(names("")).toEqual(["attic led", "attic"]);
  expect(names("?q=attic+LED")).toEqual(["attic led"]);
  expect(names("?show=offline")).toEqual(["attic"]);
  expect(names("?show=ignored")).toEqual(["bad"]);
});
