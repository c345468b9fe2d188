import { expect, test } from "vitest";
import type { Kind, Resource } from "../src/lib/api";
import { alternatives, chooseWidget, chosenWidget, label, rowSwitch, rowValues } from "../src/widgets/choose";

function res(name: string, value: unknown, more: Partial<Resource> = {}): Resource {
  const kind: Kind =
    typeof value === "boolean"
      ? "boolean"
      : typeof value === "number"
        ? "number"
        : typeof value === "object"
          ? "json"
          : "text";
  return { name, value, at: 1, kind, writable: false, ...more };
}
const number = (name: string, value: string, n: number, unit = "", writable = false) =>
  res(name, value, { kind: "number", number: n, unit, writable });

test.each<[string, Resource, string]>([
  ["led of a CoAP node", number("led", "0", 0, "", true), "switch"],
  ["led of a WebSocket node, which cannot say what it takes", number("led", "1", 1), "switch"],
  ["led with a third state", number("led", "2", 2, "", true), "number"],
  ["a 0 that cannot be written", number("errors", "0", 0), "number"],
  ["a boolean", res("armed", true), "switch"],
  ["a text on/off that can be written", res("pump", "off", { writable: true }), "switch"],
  ["a number with a unit", number("temperature", "24.1°C", 24.1, "°C"), "number"],
  ["a share", number("humidity", "45.07%", 45.07, "%"), "gauge"],
  ["a share beyond its range", number("load", "140%", 140, "%"), "number"],
  ["robot", res("robot", "s", { writable: true }), "pad"],
  ["ribot", res("ribot", "x"), "joystick"],
  ["js", res("js", "1 + 1"), "script"],
  ["imu as text", res("imu", '[{"type":"acc","values":[1,2,3]}]'), "imu"],
  ["imu with its prefix", res("imu", 'imu:[{"type":"gyro","values":[1,2,3]}]'), "imu"],
  ["imu that is none", res("imu", "calibrating"), "text"],
  ["position as an object", res("position", { lat: 1, lng: 2 }), "position"],
  ["position as text", res("position", '{"lat":48.7,"lng":2.2}'), "position"],
  ["position out of the world", res("position", { lat: 99, lng: 2 }), "json"],
  ["webcam", res("webcam", "http://10.0.0.2/a.mjpg"), "camera"],
  ["rgb", res("rgb", "1,2,3"), "colour"],
  ["rgb that has nothing yet", res("rgb", ""), "colour"],
  ["rgb that is a word", res("rgb", "rainbow", { writable: true }), "input"],
  ["a hash that can be written", res("lamp", "#00ff00", { writable: true }), "colour"],
  ["lcd", res("lcd", "hello"), "lcd"],
  ["a text that can be written", res("motto", "hello", { writable: true }), "input"],
  ["a share that can be written", number("dimmer", "70%", 70, "%", true), "slider"],
  ["webcam that is a script", res("webcam", "javascript:alert(1)"), "text"],
  ["suit_state", number("suit_state", "6", 6), "suit"],
  ["version", res("version", "1.0.0"), "fact"],
  ["an unknown text", res("mood", "fine"), "text"],
  ["an unknown number", number("counter", "12", 12), "number"],
  ["JSON in a text", res("config", '{"a":1}'), "json"],
  ["an object", res("config", { a: 1 }), "json"],
])("%s", (_what, r, want) => {
  expect(chooseWidget(r)).toBe(want);
});

test("what a person may choose instead always holds what stands there", () => {
  for (const r of [number("led", "0", 0, "", true), res("robot", "s"), res("mood", "x"), res("c", { a: 1 })])
    expect(alternatives(r)).toContain(chooseWidget(r));
  expect(alternatives(number("humidity", "45%", 45, "%"))).toEqual(["number", "gauge", "text"]);
});

test("what people chose holds as long as the value fits it", () => {
  const widgets = { humidity: "number", temperature: "imu", mode: "nonsense" };
  expect(chosenWidget({ widgets }, number("humidity", "45%", 45, "%"))).toBe("number");
  expect(chosenWidget({ widgets }, number("temperature", "20°C", 20, "°C"))).toBe("number");
  expect(chosenWidget({ widgets }, res("mode", "auto"))).toBe("text");
  expect(chosenWidget({}, number("humidity", "45%", 45, "%"))).toBe("gauge");
});

test("every widget is offered where it can show something", () => {
  const of = (r: Resource) => alternatives(r);
  expect(of(number("valve", "30", 30, "", true))).toEqual(["number", "gauge", "slider", "input", "text"]);
  expect(of(res("drive", "s", { writable: true }))).toEqual([
    "input",
    "lcd",
    "pad",
    "joystick",
    "script",
    "text",
  ]);
  expect(of(res("glow", "#ff0000"))).toContain("colour");
  expect(of(res("eye", "http://10.0.0.2/a.jpg"))).toContain("camera");
  expect(of(res("eye", "javascript:alert(1)"))).not.toContain("camera");
});

test("a row shows three values, the known ones first, no facts and no controls", () => {
  const all = [
    res("os", "riot"),
    number("led", "0", 0, "", true),
    res("note", "hello"),
    number("counter", "3", 3),
    number("humidity", "45%", 45, "%"),
    number("dwnld", "45", 45),
    number("temperature", "20°C", 20, "°C"),
    res("empty", ""),
  ];
  expect(rowValues(all).map((r) => r.name)).toEqual(["temperature", "humidity", "counter"]);
});

test("what a board tells of itself stands in a row only alone", () => {
  const own = [number("free_mem", "98304", 98304), number("np_pin", "4", 4)];
  expect(rowValues([...own, number("level", "3", 3)]).map((r) => r.name)).toEqual(["level"]);
  expect(rowValues(own).map((r) => r.name)).toEqual(["free_mem", "np_pin"]);
});

test("the switch of a row is led before others, and only what can be written", () => {
  const relay = res("relay", true, { writable: true });
  expect(rowSwitch([relay, number("led", "1", 1, "", true)])?.name).toBe("led");
  expect(rowSwitch([relay])?.name).toBe("relay");
  expect(rowSwitch([res("relay", true), number("errors", "1", 1)])).toBeUndefined();
});

test("names read like words", () => {
  expect(label("soil_moisture")).toBe("Soil moisture");
  expect(label("led")).toBe("LED");
  expect(label("eco2")).toBe("eCO₂");
});
