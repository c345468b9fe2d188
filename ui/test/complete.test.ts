import { expect, test } from "vitest";
import { offers } from "../src/pages/apps/editor/complete";
import { smallest } from "../src/pages/apps/editor/editor";

const names = (before: string, text = before, file = "worker_task.py") =>
  offers(before, text, file)?.list.map((o) => o.name) ?? [];

test("members of modules, with what was typed of them", () => {
  expect(names("        machine.")).toEqual(expect.arrayContaining(["Pin", "PWM", "ADC"]));
  expect(offers("        machine.PW", "", "worker_task.py")?.typed).toBe(2);
  expect(names("        t = env.chronos.")).toContain("epoch");
  expect(names("        hal.")).toContain("reboot");
  expect(names("        logger.")).toEqual(["debug", "info", "warning", "error", "critical"]);
  expect(names("        nobody.")).toEqual([]);
});

test("members of what was made from a class", () => {
  const text =
    "import machine\nclass WorkerTask:\n    def __init__(self):\n        self.led = machine.Pin(2)\n";
  expect(names("        self.led.", text)).toContain("value");
  expect(names("        machine.Pin.", text)).toContain("OUT");
  expect(names("        other.led.", text)).toEqual([]);
  expect(names("        t.", "import time as t\n")).toContain("sleep_ms");
});

test("imports offer modules and their members", () => {
  expect(names("import ma")).toContain("machine");
  expect(names("from machine import Pin, A")).toContain("ADC");
  expect(names("import env.")).toContain("chronos");
});

test("the contract of each task fits its file", () => {
  expect(names("class Wor", "", "worker_task.py")).toEqual(["WorkerTask"]);
  expect(names("class Man", "", "management_task.py")).toEqual(["ManagementTask"]);
  expect(names("class Wor", "class WorkerTask:\n", "worker_task.py")).toEqual([]);
  expect(offers("    def c", "", "management_task.py")?.list[0]?.detail).toBe(
    "ManagementTask.call(self, data)",
  );
  expect(names("    def c", "", "helpers.py")).toEqual([]);
});

test("nothing is offered inside strings and comments", () => {
  expect(names("x = 'machine.")).toEqual([]);
  expect(names("# machine.")).toEqual([]);
  expect(names("x = 'a' + machine.")).toContain("Pin");
});

test("only what differs is replaced, so that places in the text stay", () => {
  expect(smallest("abcdef", "abXdef")).toEqual({ from: 2, to: 3, insert: "X" });
  expect(smallest("aaa", "aa")).toEqual({ from: 2, to: 3, insert: "" });
  expect(smallest("", "x")).toEqual({ from: 0, to: 0, insert: "x" });
});
