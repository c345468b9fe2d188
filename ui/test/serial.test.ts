import { describe, expect, test, vi } from "vitest";
import { PlayedBoard, portOf } from "../mock/playedboard.mjs";
import { Board, type Files, type Progress } from "../src/lib/serial/board";
import { md5 } from "../src/lib/serial/md5";
import { cableOf, hindrance, mayHave, type Port } from "../src/lib/serial/port";
import { PythonError, quote, type Pace } from "../src/lib/serial/repl";
import { Gone, Silent, Wire } from "../src/lib/serial/wire";
import {
  for8266,
  hasPartition,
  hindered,
  misfit,
  offsetOf,
  olderThan,
  romFirmware,
} from "../src/lib/serial/chips";
import { forget, foundOn, installRuntime, tooLarge } from "../src/lib/serial/runtime";
import { networkFault, noTLS, serverFault, withNetwork, withServer, word } from "../src/lib/serial/setup";
import { addressFor } from "../src/pages/add/board/address";

vi.setConfig({ testTimeout: 60_000 }); // a busy machine is slow
const randomly = (n: number) => crypto.getRandomValues(new Uint8Array(n));
const quick: Pace = { tries: 12, enter: 500, quiet: 20, paste: 2000, answer: 10_000, boot: 5000 };
async function open(options: Record<string, unknown> = {}) {
  const played = new PlayedBoard(options);
  const port = portOf(played);
  const wire = await Wire.open(port);
  return { played, port, wire, board: await Board.open(wire, quick) };
}

const put = async (b: Board, files: Files, p: Progress = {}) => b.put(await b.compare(files, p), files, p);

describe("a board at a serial line", () => {
  test("tells what it is", async () => {
    const { board } = await open();
    expect(board.about).toEqual({
      implementation: "micropython",
      version: "1.28.0",
      platform: "esp32",
      machine: "Generic ESP32 module with ESP32",
      fileSystem: "VfsLfs2",
      size: 2 << 20,
      free: 1 << 20,
      memory: 110_000,
      flash: 4 << 20,
      mpy: 6,
      uid: "a0b1c2d3e4f5",
      rom: 0,
      watched: false,
    });
    const none = { runtime: false, version: "", id: "", server: "", apPassword: "" };
    expect(await foundOn(board)).toEqual({ ...none, pythings: false });
    const { board: other } = await open({ files: { "hal.py": "", "version.py": "" } });
    expect(await foundOn(other)).toEqual({ ...none, pythings: true });
  });
  for (const paste of ["yes", "no", "old"])
    test(`takes files with raw paste: ${paste}`, async () => {
      const { played, board } = await open({ paste, noise: "wifi: joined\r\n" });
      const files = { "/_f/rt/main.py": randomly(1500), "/empty": new Uint8Array() };
      let sent = 0;
      await put(board, files, { sent: (n) => (sent += n) });
      expect(played.files.get("_f/rt/main.py")).toHaveLength(1500);
      expect([...played.files.get("_f/rt/main.py")!]).toEqual([...files["/_f/rt/main.py"]]);
      expect(played.files.get("empty")).toHaveLength(0);
      expect(sent).toBe(1500);
      expect(played.overrun).toBeUndefined();
      expect([...played.files.keys()].filter((n) => n.endsWith(".new"))).toEqual([]);
    });
  test("is interrupted again and again while its program is deaf, and may answer late", async () => {
    const { board } = await open({ deaf: 5, late: 15 });
    expect(board.about.platform).toBe("esp32");
  });
  test("gets a file anew that came broken, and keeps the old one when it never comes right", async () => {
    const { played, board } = await open({ spoil: 1, files: { "a.py": "old" } });
    await board.writeFile("a.py", new Uint8Array(1000).fill(65));
    expect(played.text("a.py")).toBe("A".repeat(1000));
    const bad = await open({ spoil: 1000, files: { "a.py": "old" } });
    await expect(bad.board.writeFile("a.py", new Uint8Array(1000))).rejects.toThrow("not what was sent");
    expect(bad.played.text("a.py")).toBe("old");
    expect(bad.played.files.has("a.py.new")).toBe(false);
  });
  test("is not written to when it has no room, and keeps what is right already", async () => {
    const { played, board } = await open({ free: 9000, files: { "same.py": "x = 1\n" } });
    await expect(put(board, { "big.py": new Uint8Array(8000) })).rejects.toThrow("Nothing was written");
    expect(played.files.size).toBe(1);
    const kept: string[] = [];
    await put(
      board,
      { "same.py": new TextEncoder().encode("x = 1\n") },
      { file: (n, _, same) => same && kept.push(n) },
    );
    expect(kept).toEqual(["same.py"]);
  });
  test("says what Python raised", async () => {
    const { board } = await open({ refuse: "_put" });
    const err = await board.writeFile("a", new Uint8Array(1)).catch((e: unknown) => e);
    expect((err as Error).message).toBe(
      "a: The board says: OSError: 28. Its flash is full: put MicroPython on it anew with its flash erased.",
    );
    expect(new PythonError("Traceback:\nOSError: 280").message).toBe("The board says: OSError: 280");
    await expect(board.exec("nothing()")).rejects.toThrow(PythonError);
  });
  test("lists the networks that it hears, the strongest first", async () => {
    const { board } = await open({ networks: ["Café", "b"] });
    expect(await board.networks()).toEqual([
      { name: "Café", signal: -40 },
      { name: "b", signal: -50 },
    ]);
  });
  test("restarts, and what it says comes to who listens", async () => {
    const { played, board } = await open();
    let said = "";
    const heard = new Promise<void>((done) => {
      void board.restart((text) => {
        said += text;
        if (said.includes("hello from boot.py")) done();
      });
    });
    await heard;
    expect(played.boots).toBe(1);
  });
  test("one with a watchdog is reset as a chip: nothing else would end it", async () => {
    const { played, board } = await open({ watched: true });
    expect(board.about.watched).toBe(true);
    await new Promise<void>((done) => void board.reset((text) => text.includes("hello") && done()));
    expect(played.resets).toBe(1);
  });
  test("a cable that is pulled ends what waits for the board", async () => {
    const { port, board } = await open({ late: 30 });
    const waiting = board.exec("_free()");
    port.lose();
    await expect(waiting).rejects.toThrow(Gone);
  });
  test("who cancels is not kept waiting, and the port is free again", async () => {
    const played = new PlayedBoard({ deaf: 1000 });
    const p = portOf(played);
    const w = await Wire.open(p);
    const opening = Board.open(w, quick);
    await w.close("You stopped it.");
    await expect(opening).rejects.toThrow("You stopped it.");
    expect(p.readable).toBeNull();
  });
  test("no answer at all is said in words", async () => {
    const wire = await Wire.open(portOf(new PlayedBoard({ deaf: 1000 })));
    await expect(Board.open(wire, { ...quick, tries: 2 })).rejects.toThrow(Silent);
  });
});

describe("an ESP8266", () => {
  const about = ["micropython", "1.28.0", "esp8266", "ESP module with ESP8266"];
  const sector = 4096;
  const small = (more: Record<string, unknown> = {}) =>
    open({ about, rom: new Uint8Array(9 * sector).fill(0xa5), ...more });
  const files: Files = { "/boot.py": new Uint8Array(1), "/main.py": new Uint8Array(1) };
  for (const size of [1, 383, 384, 9001])
    test(`takes ${size} bytes into its partition, once`, async () => {
      const { played, board } = await small({ files: { "_f/rt/x.mpy": "of flash" } });
      expect([board.about.rom, board.part]).toEqual([9 * sector, 3 * sector]);
      const image = randomly(size);
      const order: string[] = [];
      let [sent, all] = [0, 0];
      const p = {
        file: (n: string, _: number, same: boolean) => same || order.push(n),
        sent: (n: number) => (sent += n),
        all: (n: number) => (all = n),
      };
      await installRuntime(board, files, p, image);
      expect([...played.rom!.subarray(0, size)]).toEqual([...image]);
      expect(played.rom![3 * sector]).toBe(0xa5);
      expect(order).toEqual(["/the runtime into its partition", "/boot.py", "/main.py"]);
      expect([sent, all]).toEqual([size + 2, size + 2]);
      expect(played.files.has("_f/rt/x.mpy")).toBe(false);
      await installRuntime(board, files, p, image);
      expect(order).toHaveLength(3);
    });
  test("is written to again when a bit fell over, and not started when it never comes right", async () => {
    const image = randomly(2000);
    const once = await small({ rots: 1 });
    await installRuntime(once.board, files, {}, image);
    expect([...once.played.rom!.subarray(0, 2000)]).toEqual([...image]);
    const never = await small({ rots: 1000 });
    await expect(installRuntime(never.board, files, {}, image)).rejects.toThrow("not what was sent");
    expect(never.played.files.has("boot.py")).toBe(false);
  });
  test("that is too small says so", async () => {
    const { board } = await small();
    expect(tooLarge(board, randomly(3 * sector))).toBe("");
    expect(tooLarge(board, randomly(3 * sector + 1))).toContain("Nothing was written");
    expect(tooLarge(board, null)).toBe("");
  });
  for (const [runs, caught, empties, resets] of [
    ["0", "0", undefined, undefined],
    ["1", "0", 1, undefined],
    ["2", "0", undefined, 1],
    ["2", "2", 1, 2], // caught too late the first time
  ])
    test(`is emptied first: ${runs}, then ${caught}`, async () => {
      const { played } = await small({ runs, caught });
      expect([played.empties, played.resets]).toEqual([empties, resets]);
    });
  test("an ESP32 has the room, and is left as it is", async () => {
    const { played } = await open({ runs: "2" });
    expect([played.empties, played.resets]).toEqual([undefined, undefined]);
  });
});

describe("the runtime on a board", () => {
  const one = new Uint8Array(1);
  const files: Files = { "/boot.py": one, "/main.py": one, "/_f/rt/x.mpy": one, "/_s/key": one };
  test("comes in the order in which a cut leaves nothing broken; older forms of it go", async () => {
    const slots = '{"run":"_a","ver":"0.9","prev":"","pver":"","bad":["0.8"],"n":17}';
    const { played, board } = await open({ files: { "_f/rt/x.py": "old", "_s/os": slots, "_s/fail": "x" } });
    const order: string[] = [];
    expect(await installRuntime(board, files, { file: (n) => order.push(n) })).toEqual([]);
    expect(order).toEqual(["/_s/key", "/_f/rt/x.mpy", "/boot.py", "/main.py"]);
    expect(played.files.has("_f/rt/x.py")).toBe(false);
    expect(played.files.has("_s/fail")).toBe(false);
    expect(JSON.parse(played.text("_s/os")!)).toEqual({ ...JSON.parse(slots), run: "", ver: "" });
  });
  test("programs of somebody else are kept beside it", async () => {
    const { played, board } = await open({
      files: { "main.py": "mine()", "boot.py": "import rt.main", "old_main.py": "" },
    });
    expect(await installRuntime(board, files, {})).toEqual(["old_main_2.py"]);
    expect(played.text("old_main_2.py")).toBe("mine()");
    expect(played.files.get("main.py")).toHaveLength(1);
  });
  test("is found again, and forgotten without what is not its own", async () => {
    const { played, board } = await open({
      runtime: "1.0.0",
      files: {
        "_s/key": '{"id":"board-1","key":"00"}',
        "_s/ap": "moss-2471-fern\n",
        "settings.json": '{"server":"http://192.0.2.1:8080"}',
        "_p/app.py": "app",
        "notes.txt": "mine",
      },
    });
    expect(await foundOn(board)).toEqual({
      runtime: true,
      version: "1.0.0",
      id: "board-1",
      server: "http://192.0.2.1:8080",
      apPassword: "moss-2471-fern",
      pythings: false,
    });
    await forget(board);
    expect([...played.files.keys()].sort()).toEqual(["_f/platform.py", "notes.txt"]);
  });
});

test("text stands in Python as it was typed", () => {
  expect(quote("it's\\ ü\n😀")).toBe("'it\\'s\\\\ \\u00fc\\u000a\\U0001f600'");
});
test("MD5 is that of RFC 1321, A.5", () => {
  const of = (text: string) => md5(new TextEncoder().encode(text));
  expect(of("")).toBe("d41d8cd98f00b204e9800998ecf8427e");
  expect(of("message digest")).toBe("f96b697d7cb7938d525a2f31aaf161d0");
  expect(of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")).toBe(
    "d174ab98d277d9f5a5611c2c9f419d9f",
  );
  expect(of("1234567890".repeat(8))).toBe("57edf4a22be3c955ac49da2e2107b67a");
  expect(of("a".repeat(56))).toBe("3b0c8ac703f828b04c6c197006d17218");
});
test("firmware goes where the chip looks, and only onto its own chip", () => {
  expect(["ESP32", "ESP32-S2", "ESP32-S3", "ESP32-C3", "ESP8266"].map(offsetOf)).toEqual([
    0x1000, 0x1000, 0, 0, 0,
  ]);
  const image = new Uint8Array(32);
  image[0] = 0xe9;
  image[12] = 5;
  expect(misfit(image, "ESP32-C3")).toBe("");
  expect(misfit(image, "ESP32")).toContain("esp32c3");
  expect(misfit(new TextEncoder().encode("UF2\n…"), "ESP32")).toContain("UF2");
  expect(misfit(new Uint8Array(4), "ESP32")).toContain("no firmware");
});
test("a board that cannot take the runtime is told why", () => {
  const good = {
    implementation: "micropython",
    version: "1.22.0",
    platform: "esp32",
    fileSystem: "VfsLfs2",
    rom: 0,
  };
  expect(hindered(good)).toBe("");
  expect(hindered({ ...good, implementation: "circuitpython" })).toContain("circuitpython");
  expect(hindered({ ...good, version: "1.19.1" })).toContain("1.19.1");
  expect(hindered({ ...good, fileSystem: "VfsFat" })).toContain("FAT");
  const small = { ...good, version: "1.28.0", platform: "esp8266" };
  expect(hindered(small)).toContain(romFirmware);
  expect(hindered({ ...small, version: "1.24.1" })).toContain("1.25 or newer on an ESP8266");
  expect(hindered({ ...small, rom: 320 << 10 })).toBe("");
  expect(noTLS("esp8266", "https://roost.example.org")).toContain("http://");
  expect(noTLS("esp8266", "http://192.0.2.1") + noTLS("esp32", "https://roost.example.org")).toBe("");
  const named = (v: string) => [for8266(v), hasPartition(v)];
  expect(named("ESP8266_GENERIC-FLASH_2M_ROMFS-20260406-v1.28.0.bin")).toEqual([true, true]);
  expect(named("ESP8266_GENERIC-20260406-v1.28.0.bin")).toEqual([true, false]);
  expect(named("ESP32_GENERIC-20260406-v1.28.0.bin")).toEqual([false, false]);
});
test("versions are compared as numbers", () => {
  expect([olderThan("1.9.4", "1.22"), olderThan("1.22.0", "1.22"), olderThan("1.28.0", "1.22")]).toEqual([
    true,
    false,
    false,
  ]);
});
describe("what is written beside the runtime", () => {
  const text = (o: unknown) => new TextEncoder().encode(JSON.stringify(o));
  const read = (f: Record<string, Uint8Array>) => JSON.parse(new TextDecoder().decode(Object.values(f)[0]));
  test("the newest network comes first, three stay, and an old one is read as it is", () => {
    const fresh = { ssid: "new", password: "12345678" };
    expect(read(withNetwork(null, fresh))).toEqual([fresh]);
    expect(read(withNetwork(text({ ssid: "old", password: "x" }), fresh))).toHaveLength(2);
    const many = ["a", "new", "b", "c"].map((ssid) => ({ ssid, password: "" }));
    expect(read(withNetwork(text(many), fresh)).map((n: { ssid: string }) => n.ssid)).toEqual([
      "new",
      "a",
      "b",
    ]);
    expect(read(withNetwork(new TextEncoder().encode("{rubbish"), fresh))).toEqual([fresh]);
  });
  test("the server is one of its settings; the others stay", () => {
    expect(read(withServer(text({ led: 3, server: "x" }), "http://y:1"))).toEqual({
      led: 3,
      server: "http://y:1",
    });
    expect(read(withServer(null, "http://y:1"))).toEqual({ server: "http://y:1" });
  });
  test("what no board could take is said", () => {
    expect(networkFault({ ssid: "", password: "" })).toBe("");
    expect(networkFault({ ssid: "x", password: "" })).toBe("");
    expect(networkFault({ ssid: "", password: "x" })).not.toBe("");
    expect(networkFault({ ssid: "x", password: "short" })).not.toBe("");
    expect(networkFault({ ssid: "ü".repeat(17), password: "" })).not.toBe("");
    expect(serverFault("http://192.0.2.1:8080")).toBe("");
    expect(serverFault("192.0.2.1:8080")).not.toBe("");
    expect(serverFault("http://192.0.2.1/path")).not.toBe("");
  });
  test("a word stands in a shell as it is", () => {
    expect([word("simple-1"), word("it's 5"), word("$HOME")]).toEqual([
      "simple-1",
      "'it'\\''s 5'",
      "'$HOME'",
    ]);
  });
  test("the address is the one by which the reader came, never localhost by itself", () => {
    const at = (url: string, base = "") => addressFor(new URL(url), base);
    expect(at("http://192.0.2.1:8080")).toBe("http://192.0.2.1:8080");
    expect(at("https://192.0.2.1:8080")).toBe("http://192.0.2.1:8080");
    expect(at("https://roost.example")).toBe("https://roost.example");
    expect(at("http://localhost:8080")).toBe("");
    expect(at("http://127.0.0.1:8080", "http://192.0.2.7:8080/")).toBe("http://192.0.2.7:8080");
  });
});
test("what keeps a page from serial ports is known", () => {
  expect(hindrance({ isSecureContext: true, navigator: { serial: {} } })).toBe("");
  expect(hindrance({ isSecureContext: true, navigator: {} })).toBe("browser");
  expect(hindrance({ isSecureContext: false, navigator: {} })).toBe("insecure");
  expect(mayHave("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36")).toBe(
    true,
  );
  expect(mayHave("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")).toBe(false);
  const port = { getInfo: () => ({ usbVendorId: 0x2e8a, usbProductId: 5 }) } as unknown as Port;
  expect(cableOf(port)).toEqual({
    name: "Raspberry Pi Pico with MicroPython",
    ids: "2E8A:0005",
    bridge: false,
    pico: true,
  });
});
