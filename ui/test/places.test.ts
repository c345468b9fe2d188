import { expect, test } from "vitest";
import type { Thing } from "../src/lib/api";
import { isStill, stillAt, hostOf } from "../src/lib/camera";
import { lag, shown } from "../src/lib/format";
import { gridLabel, gridStep, placesOf } from "../src/lib/places";
import { niceCeil, rangeOf, share, stepOf } from "../src/lib/ranges";
import { LiveThing } from "../src/lib/thing.svelte";
import { parsePosition } from "../src/lib/value";

const thing = (id: string, resources: [string, unknown][], widgets: Record<string, string> = {}) =>
  new LiveThing({
    ...({ id, name: id, tags: [], online: true, protocol: "CoAP" } as unknown as Thing),
    widgets,
    resources: resources.map(([name, value]) => ({
      name,
      value,
      at: 1,
      kind: typeof value === "string" ? "text" : "json",
      writable: false,
    })),
  });

test("positions in every spelling", () => {
  expect(parsePosition({ lat: 1, lng: 2 })).toEqual({ lat: 1, lng: 2 });
  expect(parsePosition('{"lat":48.7,"lng":"2.2"}\0\0')).toEqual({ lat: 48.7, lng: 2.2 });
  expect(parsePosition({ latitude: -1, lon: 170 })).toEqual({ lat: -1, lng: 170 });
  expect(parsePosition("48.7, -2.2")).toEqual({ lat: 48.7, lng: -2.2 });
  for (const bad of ["48.7", "91,0", "a,b", '{"lat":1}', null, [1, 2]]) expect(parsePosition(bad)).toBeNull();
});

test("the map has each thing once, and those whose resource a person shows as a position", () => {
  const found = placesOf([
    thing("a", [["position", { lat: 1, lng: 2 }]]),
    thing("b", [["temperature", "20°C"]]),
    thing("c", [["gps", "3,4"]], { gps: "position" }),
    thing("d", [["gps", "3,4"]]),
    thing("e", [
      ["position", "nowhere"],
      ["gps", "5,6"],
    ]),
  ]);
  expect(found.map((p) => [p.id, p.lat, p.lng])).toEqual([
    ["a", 1, 2],
    ["c", 3, 4],
  ]);
});

test("the grid gets finer with the zoom and says its degrees", () => {
  let last = Infinity;
  for (let z = 0; z <= 19; z++) {
    const step = gridStep(z);
    expect(step).toBeLessThanOrEqual(last);
    expect(step).toBeGreaterThan(0);
    last = step;
  }
  expect(gridLabel(48.71, 0.01, "N", "S")).toBe("48.71°N");
  expect(gridLabel(-0.5, 0.5, "E", "W")).toBe("0.5°W");
  expect(gridLabel(0, 1, "N", "S")).toBe("0°");
});

test.each<[string, Parameters<typeof rangeOf>[0], [number, number]]>([
  ["temperature", { name: "temperature", value: "20°C", kind: "number", number: 20, unit: "°C" }, [-15, 40]],
  ["a hot one", { name: "temperature", value: "75°C", kind: "number", number: 75, unit: "°C" }, [-15, 100]],
  ["a cold one", { name: "temperature", value: "-18", kind: "number", number: -18 }, [-20, 40]],
  [
    "pressure",
    { name: "pressure", value: "1013hPa", kind: "number", number: 1013, unit: "hPa" },
    [950, 1030],
  ],
  ["eco2", { name: "eco2", value: "412ppm", kind: "number", number: 412, unit: "ppm" }, [400, 8192]],
  ["tvoc", { name: "tvoc", value: "7ppb", kind: "number", number: 7, unit: "ppb" }, [0, 1187]],
  ["a share", { name: "soil", value: "7%", kind: "number", number: 7, unit: "%" }, [0, 100]],
  ["an unknown number", { name: "x", value: 37, kind: "number", number: 37 }, [0, 50]],
  ["an unknown one below 0", { name: "x", value: -3, kind: "number", number: -3 }, [-5, 5]],
  ["nothing yet", { name: "x", value: 0, kind: "number", number: 0 }, [0, 100]],
])("the range of %s", (_what, r, [low, high]) => {
  expect(rangeOf(r)).toEqual({ low, high });
});

test("round numbers", () => {
  expect([0.03, 1, 1.1, 24, 26, 99, 1000].map(niceCeil)).toEqual([0.05, 1, 2, 25, 50, 100, 1000]);
  expect(share(5, { low: 0, high: 10 })).toBe(0.5);
  expect(share(50, { low: 0, high: 10 })).toBe(1);
  expect(stepOf({ low: 0, high: 100 })).toBe(1);
  expect(stepOf({ low: -15, high: 40 })).toBe(0.5);
});

test("units stand beside their number", () => {
  const number = (value: string, n: number, unit: string) =>
    shown({ value, number: n, unit, kind: "number" as const });
  expect(number("112g/m3", 112, "g/m3")).toEqual({ text: "112", unit: "g/m³" });
  expect(number("1013.25hPa", 1013.25, "hPa")).toEqual({ text: "1013.25", unit: "hPa" });
});

test("cameras", () => {
  expect(isStill("http://10.0.0.9/snap.JPG?u=1")).toBe(true);
  expect(isStill("http://10.0.0.9/stream.mjpg")).toBe(false);
  expect(isStill("/mock/still.png")).toBe(true);
  expect(stillAt("http://x/a.jpg?u=1", 5)).toBe("http://x/a.jpg?u=1&_=5");
  expect(stillAt("http://x/a.jpg", 5)).toBe("http://x/a.jpg?_=5");
  expect(hostOf("http://10.0.0.9:81/x")).toBe("10.0.0.9:81");
  expect(hostOf("nonsense")).toBe("");
});

test("delays", () => {
  expect([0, 42.4, 1200, 61_000].map(lag)).toEqual(["0\u00a0ms", "42\u00a0ms", "1.2\u00a0s", "1\u00a0min"]);
});
