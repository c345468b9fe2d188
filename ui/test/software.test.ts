import { describe, expect, test } from "vitest";
import type { Command } from "../src/lib/api";
import { minute, sameDay, setTimeZone, timeZone } from "../src/lib/format";
import type { Run, Software } from "../src/lib/software";
import {
  every,
  fault,
  looksLikeJson,
  messageValue,
  nextCall,
  okText,
  settingValue,
  splitOutput,
  waitingFor,
  whatNext,
} from "../src/lib/softwareWords";
import { backendFor, ids, platforms } from "../src/pages/add/pythings";
import { timeline, times } from "../src/pages/thing/messages";
import { ShellHistory } from "../src/pages/thing/shellHistory";

const now = 1_790_000_000_000;
const run = { lastContact: now - 20_000, ended: 0 } as Run;
const wanted = {
  ...{ os: "factory", app: "latest", management: 60, worker: 300, tls: true, encrypt: false },
  ...{ battery: false, setupTimeout: 60, backend: "" },
};
const soft = (more: Partial<Software> = {}): Software =>
  ({
    ...{
      app: { id: "a", name: "A", hidden: false },
      pool: "p",
      boundBy: "account",
      wanted,
      commit: "17",
      own: {},
    },
    ...{
      os: "v1.0.0",
      version: "17",
      tag: "",
      platform: "esp32",
      frozen: false,
      encrypted: false,
      upToDate: true,
    },
    ...{ statuses: [], session: run },
    ...more,
  }) as Software;

describe("faults as devices tell them", () => {
  test("class, text and traceback apart", () => {
    const f = fault(
      'KO: ValueError boom, 2 (Traceback (most recent call last):\n  File "a.py"\nValueError: boom, 2\n)',
    );
    expect(f.name).toBe("ValueError");
    expect(f.text).toBe("boom, 2");
    expect(f.traceback).toBe('Traceback (most recent call last):\n  File "a.py"\nValueError: boom, 2\n');
  });
  test("a class alone, and words without a class", () => {
    expect(fault("KO: MemoryError")).toEqual({ name: "MemoryError", text: "", traceback: "" });
    expect(fault("OSError: [Errno 2] ENOENT")).toMatchObject({ name: "OSError", text: "[Errno 2] ENOENT" });
    expect(fault("Cannot reach it")).toEqual({ name: "", text: "Cannot reach it", traceback: "" });
  });
  test("OK and what stands behind it", () => {
    expect(okText("OK: resetting due to App update")).toBe("Resetting due to App update");
    expect(okText("OK")).toBe("");
  });
});

describe("when the thing comes and asks", () => {
  test("at its interval after the last contact", () => expect(nextCall(soft(), now)).toBe(now + 40_000));
  test("a call that is a little late may come any moment", () => {
    expect(nextCall(soft({ session: { ...run, lastContact: now - 90_000 } }), now)).toBe(now);
    expect(waitingFor(soft({ session: { ...run, lastContact: now - 90_000 } }), true, now)).toContain(
      "any moment",
    );
  });
  test("nobody knows of one that is silent, ended or has not come", () => {
    expect(nextCall(soft({ session: { ...run, lastContact: now - 200_000 } }), now)).toBe(0);
    expect(nextCall(soft({ session: { ...run, ended: now } }), now)).toBe(0);
    expect(nextCall(soft({ session: null }), now)).toBe(0);
    expect(nextCall(null, now)).toBe(0);
  });
  test("in words", () => {
    expect(waitingFor(soft(), true, now)).toMatch(/^The thing asks every 60\u00a0s: next about .*\.$/);
    expect(waitingFor(soft(), false, now)).toContain("offline now");
    expect([every(60), every(600), every(3600 * 3), every(125)]).toEqual([
      ...["every 60\u00a0s", "every 10\u00a0min", "every 3\u00a0h", "every 125\u00a0s"],
    ]);
  });
});

describe("what happens next", () => {
  test("nothing when all runs that shall run", () => expect(whatNext(soft(), true, now).done).toBe(true));
  test("a commit, and a release of the OS", () => {
    const s = soft({ commit: "18", wanted: { ...wanted, os: "v1.1.0" }, upToDate: false });
    const { done, lines } = whatNext(s, true, now);
    expect(done).toBe(false);
    expect(lines[0]).toMatch(/^At its next call, about .*, it fetches commit 18 and starts again\.$/);
    expect(lines[1]).toContain("it fetches system v1.1.0");
    expect(whatNext(s, false, now).lines[0]).toMatch(/^When it is back it fetches/);
  });
  test("a frozen device is not promised what it cannot do", () => {
    const s = soft({ frozen: true, wanted: { ...wanted, os: "v1.1.0" } });
    expect(whatNext(s, true, now).lines[0]).toContain("cannot be sent to it");
  });
  test("without an app it waits for one", () => {
    const s = soft({ app: { id: "0", name: "", hidden: true }, version: "0", commit: "1", upToDate: false });
    expect(whatNext(s, true, now).lines).toEqual(["It waits for an app: install one."]);
  });
});

describe("messages", () => {
  const c = (id: string, state: Command["state"], created: number, value: unknown): Command => ({
    ...{ id, thing: "t", kind: "message", resource: "", value, state, error: "", result: null, by: "ada" },
    ...{ created, sent: 0, ended: 0, expires: 0 },
  });
  const messages = [
    { id: 2, at: 200, value: { level: 7 } },
    { id: 1, at: 100, value: "hello" },
  ];
  const commands = [c("new", "done", 150, "led:on"), c("old", "done", 50, "x"), c("open", "queued", 40, "y")];
  const keys = (...args: Parameters<typeof timeline>) => timeline(...args).map((e) => e.key);

  test("one time line, newest first", () =>
    expect(keys(messages, commands, "all", "", false)).toEqual(["m2", "cnew", "m1", "cold", "copen"]));
  test("no hole: older commands wait for older messages, open ones do not", () =>
    expect(keys(messages, commands, "all", "", true)).toEqual(["m2", "cnew", "m1", "copen"]));
  test("filters", () => {
    expect(keys(messages, commands, "in", "", true)).toEqual(["m2", "m1"]);
    expect(keys(messages, commands, "out", "", true)).toEqual(["cnew", "cold", "copen"]);
    expect(keys(messages, commands, "all", "LED", false)).toEqual(["cnew"]);
    expect(keys(messages, commands, "all", "level", false)).toEqual(["m2"]);
  });
  test("times, one a line", () => expect(times(c("a", "queued", now, 1)).split("\n")).toHaveLength(1));
  test("what reads as JSON", () => {
    expect(["{}", "[1]", '"a"', "42", "-1.5", "true", "null"].every(looksLikeJson)).toBe(true);
    expect(["led:on", "{led}", "truely", "", "1,2"].some(looksLikeJson)).toBe(false);
    expect(messageValue("42", "text")).toBe("42");
    expect(messageValue("42", "json")).toBe(42);
    expect(() => messageValue("{", "json")).toThrow();
  });
});

describe("shell", () => {
  test("a traceback stands apart from what was printed before it", () => {
    expect(splitOutput("a\nTraceback (most recent call last):\nE\n")).toEqual([
      { text: "a\n", bad: false },
      { text: "Traceback (most recent call last):\nE\n", bad: true },
    ]);
    expect(splitOutput("")).toEqual([]);
  });
  test("arrow keys walk back and forth, and keep what was being typed", () => {
    const h = new ShellHistory(null, ["one"]);
    h.add("two");
    h.add("two");
    expect(h.lines).toEqual(["one", "two"]);
    expect(h.back("dra")).toBe("two");
    expect(h.back("two")).toBe("one");
    expect(h.back("one")).toBeNull();
    expect(h.forth()).toBe("two");
    expect(h.forth()).toBe("dra");
    expect(h.forth()).toBeNull();
  });
  test("it lasts, is bounded, and survives what is broken", () => {
    const h = new ShellHistory();
    for (let i = 0; i < 300; i++) h.add(String(i));
    expect(h.lines).toHaveLength(200);
    expect(new ShellHistory(h.kept()).lines).toEqual(h.lines);
    expect(new ShellHistory("{oops").lines).toEqual([]);
    expect(new ShellHistory('{"a":1}').lines).toEqual([]);
  });
});

describe("adding one", () => {
  test("host and port as a device wants them", () => {
    expect(backendFor("192.168.1.10", "127.0.0.1:8080")).toBe("192.168.1.10:8080");
    expect(backendFor("roost.example", "roost.example")).toBe("roost.example");
    expect(backendFor("localhost", "localhost:8080")).toBe("localhost:8080");
    expect(backendFor("10.0.0.1:81", "x:8080")).toBe("10.0.0.1:81");
    expect(backendFor("", "x:8080")).toBe("x:8080");
  });
  test("what a shell would read otherwise is quoted", () => {
    const files = ids({ aid: "A", backend: "h:1", tid: "it's" });
    expect(platforms.find((p) => p.computer)!.write(files)).toContain(`echo 'it'\\''s' > ~/.pythings/tid`);
    expect(ids({ aid: "A", backend: "h:1", tid: "" }).map((f) => f.name)).toEqual(["aid", "backend"]);
  });
});

test("settings in words", () => {
  expect(settingValue("tls", wanted)).toBe("on");
  expect(settingValue("management", wanted)).toBe("60\u00a0s");
  expect(settingValue("backend", wanted)).toBe("this one");
  expect(settingValue("os", {})).toBe("");
});

test("shown times follow the zone that was chosen", () => {
  const at = Date.UTC(2026, 0, 1, 23, 30);
  expect(setTimeZone("UTC")).toBe(true);
  expect(minute(at)).toBe("23:30");
  expect(sameDay(at, at + 3_600_000)).toBe(false);
  expect(setTimeZone("Asia/Tokyo")).toBe(true);
  expect(minute(at)).toBe("08:30");
  expect(sameDay(at, at + 3_600_000)).toBe(true);
  expect(setTimeZone("Mars/Olympus")).toBe(false);
  expect(timeZone()).toBe("Asia/Tokyo");
  setTimeZone("");
});
