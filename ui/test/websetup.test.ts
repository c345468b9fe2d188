import { describe, expect, test } from "vitest";
import {
  ask,
  bars,
  deviceAddress,
  isAscii,
  makerOf,
  parseAnswer,
  patience,
  plainAddress,
  queryOf,
  readCheck,
  readScan,
} from "../src/websetup/device";

describe("what goes to the device", () => {
  test("P02: only %XX is undone there, so a space is never a plus", () => {
    expect(queryOf({ cmd: "join", params: { essid: "a b+c", password: "5%&!=?#" } })).toBe(
      "?cmd=join&essid=a%20b%2Bc&password=5%25%26%21%3D%3F%23",
    );
  });
  test("letters that fall apart there are known", () => {
    expect(isAscii("Guest & Co (5%)")).toBe(true);
    expect(isAscii("Café")).toBe(false);
    expect(isAscii("tab\t")).toBe(false);
  });
  test("a join and a check may take half a minute", () => {
    expect([patience("check"), patience("set_app"), patience("join"), patience("check_wifi")]).toEqual([
      3000, 3000, 30_000, 30_000,
    ]);
  });
  test("one simple request, without cookies", async () => {
    let asked = "";
    let init: RequestInit & { targetAddressSpace?: string } = {};
    const fake = (async (url: string, i: RequestInit) => {
      asked = url;
      init = i;
      return new Response('{"status":"OK"}');
    }) as unknown as typeof fetch;
    expect(await ask("http://192.168.4.1", { cmd: "check" }, { fetch: fake })).toEqual({ status: "OK" });
    expect(asked).toBe("http://192.168.4.1/?cmd=check");
    expect(init.credentials).toBe("omit");
    expect(init.headers).toBeUndefined();
    expect(init.targetAddressSpace).toBeUndefined();
    await ask("http://192.168.4.1", { cmd: "check" }, { fetch: fake, secure: true });
    expect(init.targetAddressSpace).toBe("local");
    await ask("http://127.0.0.1:8094", { cmd: "check" }, { fetch: fake, secure: true });
    expect(init.targetAddressSpace).toBe("loopback");
  });
});

describe("what comes from it", () => {
  test("check of v1.1 and of older releases", () => {
    const now = readCheck({ status: "OK", tid: "5ECF", platform: "esp32", version: "v1.1.0", aid: null });
    expect(now).toEqual({ tid: "5ECF", platform: "esp32", version: "v1.1.0", aid: "", apn: "", essid: "" });
    expect(readCheck({ status: "OK", info: "5ECF", aid: "x" })).toMatchObject({
      tid: "5ECF",
      platform: "",
      aid: "x",
    });
    expect(readCheck({ status: "ERROR" })).toBeNull();
    expect(readCheck("OK")).toBeNull();
  });
  test("a scan: each name once, the strongest first, odd rows left out", () => {
    const rows = [
      ["A", "b", 1, -80, 0, false],
      ["B", "b", 6, -50, 3, false],
      ["A", "b", 1, -60, 3, false],
      ["", "b", 1, -40],
      7,
      ["C"],
    ];
    expect(readScan(rows)).toEqual([
      { essid: "B", rssi: -50, channel: 6, open: false, hidden: false },
      { essid: "A", rssi: -60, channel: 1, open: false, hidden: false },
    ]);
    expect(readScan({})).toEqual([]);
  });
  test("raw control bytes in a BSSID do not spoil the rest", () => {
    expect(parseAnswer('[["A","\u0001\u0000",1,-60,3,false]]')).toEqual([["A", "??", 1, -60, 3, false]]);
    expect(() => parseAnswer("")).toThrow();
  });
  test("bars", () => expect([-40, -60, -70, -90].map(bars)).toEqual([4, 3, 2, 1]));
});

describe("addresses", () => {
  test.each([
    [null, "http://192.168.4.1"],
    ["http://127.0.0.1:8094", "http://127.0.0.1:8094"],
    ["http://10.0.0.7/x?y", "http://10.0.0.7"],
    ["http://board.local", "http://board.local"],
    ["http://evil.example", "http://192.168.4.1"],
    ["http://192.168.4.1.evil.example", "http://192.168.4.1"],
    ["https://192.168.4.1", "http://192.168.4.1"],
    ["javascript:alert(1)", "http://192.168.4.1"],
  ])("a device at %s", (wish, gives) => expect(deviceAddress(wish)).toBe(gives));
  test("the same page over plain HTTP", () => {
    const here = { protocol: "https:", host: "roost.local:8080", pathname: "/websetup/", search: "?aid=x" };
    expect(plainAddress(here)).toBe("http://roost.local:8080/websetup/?aid=x");
  });
  test("a maker's page takes an id, a title and a picture, nothing that runs", () => {
    const of = (q: string) => makerOf(q, "http://roost.local/websetup/");
    expect(of("?aid=3a5f-1&title=Pot&logo=/icon.svg")).toEqual({
      aid: "3a5f-1",
      title: "Pot",
      logo: "http://roost.local/icon.svg",
    });
    expect(of("?aid=a%20b&logo=javascript:alert(1)")).toEqual({ aid: "", title: "", logo: "" });
    expect(of("")).toEqual({ aid: "", title: "", logo: "" });
  });
});
