import { describe, expect, test } from "vitest";
import {
  asText,
  clean,
  httpUrl,
  isOn,
  isOnOff,
  leadingNumber,
  numberOf,
  onOffLike,
  parseImu,
  parsePosition,
  stick,
  suitState,
  typed,
} from "../src/lib/value";

test("NULs behind a text are dropped, those inside stay", () => {
  expect(clean("23.4°C" + "\0".repeat(58))).toBe("23.4°C");
  expect(clean("a\0b\0")).toBe("a\0b");
  expect(asText(null)).toBe("");
  expect(asText({ a: 1 })).toBe('{"a":1}');
});

test.each([
  ["24.1°C", 24.1],
  ["-1.2°C", -1.2],
  ["412ppm", 412],
  [" 1013.25hPa\0\0", 1013.25],
  ["1e3", 1000],
  ["abc", null],
  ["", null],
  [Infinity, null],
])("the leading number of %s is %s", (text, want) => {
  expect(leadingNumber(text)).toBe(want);
});

test("booleans are drawn as 1 and 0, texts are not drawn", () => {
  expect(numberOf({ value: true, kind: "boolean" })).toBe(1);
  expect(numberOf({ value: "off", kind: "boolean" })).toBe(0);
  expect(numberOf({ value: "12 apples", kind: "text" })).toBeNull();
});

describe("switches", () => {
  test("know on and off in the usual spellings", () => {
    for (const v of [1, "1", true, "true", "ON", "1\0\0"]) expect(isOn(v)).toBe(true);
    for (const v of [0, "0", false, "off", "2"]) expect(isOn(v)).toBe(false);
    expect(isOnOff("2")).toBe(false);
    expect(isOnOff("0")).toBe(true);
  });
  test.each([
    ["0", true, "1"],
    ["1", false, "0"],
    [false, true, true],
    [0, true, 1],
    ["off", true, "on"],
    ["True", false, "False"],
  ])("from %s to %s sends %s", (now, on, want) => {
    expect(onOffLike(now, on)).toBe(want);
  });
});

describe("imu", () => {
  const one = [{ type: "acc", values: [1, 2, 3] }];
  test("as text, prefixed or as JSON", () => {
    for (const v of [JSON.stringify(one), "imu:" + JSON.stringify(one), one])
      expect(parseImu(v)).toEqual(one);
  });
  test("drops what it does not know", () => {
    expect(parseImu('[{"type":"evil"},{"type":"mag","values":["a",1,2]},null,7]')).toEqual([]);
    expect(parseImu("no json")).toEqual([]);
  });
});

test("positions in the spellings of the firmwares, none from elsewhere", () => {
  expect(parsePosition('{"lat":48.7,"lng":2.2}')).toEqual({ lat: 48.7, lng: 2.2 });
  expect(parsePosition({ latitude: "1.5", lon: 2 })).toEqual({ lat: 1.5, lng: 2 });
  expect(parsePosition({ lat: null, lng: 2 })).toBeNull();
  expect(parsePosition("48.7,2.2")).toEqual({ lat: 48.7, lng: 2.2 });
});

test("only http(s) becomes a link", () => {
  expect(httpUrl("http://10.0.0.2/x")).toBe("http://10.0.0.2/x");
  for (const bad of ["javascript:alert(1)", "data:text/html,x", "//x", "x"]) expect(httpUrl(bad)).toBeNull();
});

describe("joystick", () => {
  test.each([
    [0, 0, "0:0:0\n"],
    [1, 0, "-255:0:-255\n"],
    [0, 1, "0:255:255\n"],
    [0, -1, "0:-255:-255\n"],
    [-0.5, 0.5, "128:128:256\n"],
    [2, 0, "-255:0:-255\n"],
  ])("at %s, %s sends %j", (x, y, want) => {
    // -round(x * 255): JavaScript rounds half up, so 0.5 left is 128.
    expect(stick(x, y)).toBe(
      want === "128:128:256\n" ? `${-Math.round(-127.5)}:128:${-Math.round(-127.5) + 128}\n` : want,
    );
  });
  test("never sends a minus zero", () => {
    expect(stick(0, 0)).not.toContain("-");
  });
});

test("update states are words, errors marked", () => {
  expect(suitState("6")).toEqual({ text: "Download started", error: false, downloading: true });
  expect(suitState(3).error).toBe(true);
  expect(suitState("0").text).toBe("No update");
  expect(suitState("42").text).toBe("State 42");
});

test("what a person types keeps the type of what stands there", () => {
  expect(typed("5", { value: 4 })).toBe(5);
  expect(typed("5", { value: "4" })).toBe("5");
  expect(typed("true", { value: false })).toBe(true);
  expect(typed('{"a":2}', { value: { a: 1 } })).toEqual({ a: 2 });
  expect(typed("{broken", { value: { a: 1 } })).toBe("{broken");
  expect(typed("x", undefined)).toBe("x");
});
