// A board over Web Serial: the port is the browser's as far as the page can tell, and a played board hangs there.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { image } from "../mock/newboards.mjs";
import { PlayedBoard } from "../mock/playedboard.mjs";
import { PlayedROM } from "../mock/playedrom.mjs";
import { startMock } from "../mock/server.mjs";
import { counts, launch, openPage, signIn, until } from "./lib.mjs";
import { plugIn } from "./port.mjs";

let browser, server;
before(async () => {
  browser = await launch();
  server = await startMock();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

async function at(t, device, options) {
  const page = await openPage(browser, server.url, options);
  page.setDefaultTimeout(60_000); // hundreds of calls go over the port
  t.after(() => page.context().close());
  if (device) await plugIn(page, device);
  await signIn(page);
  await page.goto("/add/board");
  return page;
}
const comes = (b) => {
  const id = JSON.parse(b.text("_s/key") ?? "{}").id;
  setTimeout(() => server.mock.newBoards.come(id), 300);
  return `Roost's runtime\r\nWi-Fi home, 192.0.2.60\r\n`;
};
const connect = (page) => page.getByRole("button", { name: "Choose the port…" }).click();

test("from the cable to the fleet", async (t) => {
  const board = new PlayedBoard({ onBoot: comes });
  const page = await at(t, board);
  const sent = [];
  page.on("request", (r) => sent.push(r.postData() ?? ""));
  await connect(page);
  await page.getByText("WCH CH340").waitFor();
  await page.getByText("Generic ESP32 module with ESP32").waitFor();
  await page.getByText("MicroPython 1.28.0 is on it.").waitFor();
  await page.getByLabel("Name").fill("Bench");
  await page.getByRole("button", { name: "What it hears" }).click();
  await page.getByRole("group", { name: "Networks that the board hears" }).getByText("home").click();
  await page.getByLabel("Its password").fill("quite secret");
  await page.getByLabel(/This server, as the board/).fill("http://192.0.2.1:8080/");
  await page.getByRole("button", { name: "Install" }).click();
  await page.getByText("Heard from Bench").waitFor();
  await page.getByRole("log").getByText("Wi-Fi home, 192.0.2.60").waitFor();
  await page.getByText("moss-2471-fern").waitFor();

  const { id } = JSON.parse(board.text("_s/key"));
  assert.equal(JSON.parse(board.text("_s/key")).key, server.mock.newBoards.keys.get(id).key);
  assert.deepEqual(JSON.parse(board.text("wifi.json")), [{ ssid: "home", password: "quite secret" }]);
  assert.deepEqual(JSON.parse(board.text("settings.json")), { server: "http://192.0.2.1:8080" });
  assert.equal(board.text("_s/ap"), "moss-2471-fern\n");
  assert.equal(board.files.get("_f/rt/main.mpy").length, 3000);
  assert.deepEqual(server.mock.newBoards.asked, { profile: "full", mpy: "6" });
  assert.equal(board.boots, 1);
  assert.ok(
    sent.every((s) => !s.includes("quite secret")),
    "the password stays on the cable",
  );
  assert.deepEqual(page.troubles, []);
});

test("without an address the server's own is taken; without a network it keeps what it has; its program is kept", async (t) => {
  const board = new PlayedBoard({
    onBoot: comes,
    files: { "wifi.json": '[{"ssid":"old","password":"x"}]', "main.py": "print('mine')" },
  });
  const page = await at(t, board);
  await connect(page);
  await page.getByLabel(/This server, as the board/).fill("");
  await page.getByText("Left empty, the server takes").waitFor();
  await page.getByRole("button", { name: "Install" }).click();
  await page.getByText("Heard from").waitFor();
  assert.deepEqual(JSON.parse(board.text("settings.json")), { server: "http://192.0.2.1:8080" });
  assert.equal(JSON.parse(board.text("wifi.json"))[0].ssid, "old");
  await page.getByText("old_main.py").waitFor();
  assert.equal(board.text("old_main.py"), "print('mine')");
});

const esp8266 = ["micropython", "1.28.0", "esp8266", "ESP module with ESP8266"];

test("an ESP8266 gets the runtime into its partition", async (t) => {
  const board = new PlayedBoard({ about: esp8266, rom: Buffer.alloc(320 << 10, 0xff), onBoot: comes });
  const page = await at(t, board);
  await connect(page);
  await page.getByText("328 kB, from which the runtime runs").waitFor();
  await page.getByLabel("Name").fill("Plug");
  await page.getByLabel(/This server, as the board/).fill("https://roost.example.org");
  await page.getByText("An ESP8266 has no room for TLS").waitFor();
  assert.ok(await page.getByRole("button", { name: "Install" }).isDisabled());
  await page.getByLabel(/This server, as the board/).fill("http://192.0.2.1:8080");
  await page.getByRole("button", { name: "Install" }).click();
  await page.getByText("Heard from Plug").waitFor();
  assert.ok(image.equals(board.rom.subarray(0, image.length)));
  assert.deepEqual(
    [...board.files.keys()].filter((n) => n.startsWith("_f/")),
    [],
  );
  assert.ok(board.text("main.py"));
  assert.deepEqual(page.troubles, []);
});

test("an ESP8266 without a partition is told which firmware has one, and gets it", async (t) => {
  const after = new PlayedBoard({ about: esp8266, onBoot: comes });
  const page = await at(t, after);
  await connect(page);
  await page.getByText("This MicroPython has no partition from which the runtime could run").waitFor();
  await page.getByRole("link", { name: "PythingsOS" }).waitFor();
  const shelf = page.getByLabel("Of the firmware shelf");
  await until(
    async () => /^ESP8266_GENERIC-FLASH_2M_ROMFS/.test(await shelf.inputValue()),
    () => "another one of the shelf is chosen",
  );
  const plain = {
    name: "ESP8266_GENERIC-20260406-v1.28.0.bin",
    mimeType: "",
    buffer: Buffer.alloc(20_000, 1),
  };
  await page.getByLabel("Firmware of this computer").setInputFiles(plain);
  await page.getByText("The runtime does not run with this file").waitFor();
});

test("localhost is warned of", async (t) => {
  const page = await at(t, new PlayedBoard());
  await connect(page);
  await page.getByLabel(/This server, as the board/).fill("http://localhost:8080");
  await page.getByText("it would call itself").waitFor();
  await page.getByLabel(/This server, as the board/).fill("somewhere");
  assert.ok(await page.getByRole("button", { name: "Install" }).isDisabled());
});

test("a board of ours is told another network only, and stays who it is", async (t) => {
  const id = server.mock.newBoards.make({ body: { name: "Attic" } });
  const files = {
    "_s/key": JSON.stringify({ id, key: "00" }),
    "wifi.json": '{"ssid":"old","password":"old secret"}',
    "settings.json": '{"led":2,"server":"http://192.0.2.9:80"}',
  };
  const board = new PlayedBoard({ onBoot: comes, runtime: "1.0.0", files });
  const page = await at(t, board);
  await connect(page);
  await page.getByText(`Roost’s runtime 1.0.0, as ${id}`).waitFor();
  await page.getByRole("button", { name: "Only Wi-Fi and server" }).click();
  await page.getByLabel("Wi-Fi network").fill("new");
  await page.getByLabel("Its password").fill("12345678");
  await page.getByRole("button", { name: "Write it" }).click();
  await page.getByText("Heard from Attic").waitFor();
  assert.deepEqual(JSON.parse(board.text("wifi.json")), [
    { ssid: "new", password: "12345678" },
    { ssid: "old", password: "old secret" },
  ]);
  assert.deepEqual(JSON.parse(board.text("settings.json")), { led: 2, server: "http://192.0.2.9:80" });
  assert.equal(JSON.parse(board.text("_s/key")).key, "00");
  assert.equal(board.files.has("boot.py"), false);
});

test("a board of ours becomes another thing: what it was is cleared", async (t) => {
  const id = server.mock.newBoards.make({ body: { name: "Cellar" } });
  const files = { "_s/key": JSON.stringify({ id, key: "00" }), "_p/app.py": "old", "_a/rt/x.py": "old" };
  const board = new PlayedBoard({ onBoot: comes, runtime: "0.9.0", files });
  const page = await at(t, board);
  await connect(page);
  await page.getByText("it stays Cellar").waitFor();
  await page.getByRole("button", { name: "As a new thing" }).click();
  await page.getByText("Cellar stays in the fleet").waitFor();
  await page.getByRole("button", { name: "Install", exact: true }).click();
  await page.getByText("Heard from").waitFor();
  assert.notEqual(JSON.parse(board.text("_s/key")).id, id);
  assert.equal(board.files.has("_p/app.py"), false);
  assert.equal(board.files.has("_a/rt/x.py"), false);
});

test("MicroPython is put on an empty chip from the shelf, then it is asked what it is", async (t) => {
  const rom = new PlayedROM({ after: new PlayedBoard({ onBoot: comes }) });
  const page = await at(t, rom);
  await connect(page);
  await page.getByText("does not answer to an interrupt").waitFor();
  await page.getByLabel("Of the firmware shelf").selectOption("ESP32_GENERIC-20260406-v1.28.0.bin");
  await page.getByRole("button", { name: "Erase and write" }).click();
  await page.getByText("MicroPython 1.28.0 is on it.").waitFor();
  assert.equal(rom.erased, 1);
  const { data } = server.mock.newBoards.shelf.get("ESP32_GENERIC-20260406-v1.28.0.bin");
  assert.ok(data.equals(rom.flash.subarray(0x1000, 0x1000 + data.length)));
});

test("who chooses no port, or stops, is where they were", async (t) => {
  const page = await at(t, new PlayedBoard({ deaf: 10_000 }));
  await page.evaluate(() => (window.__noPort = true));
  await connect(page);
  await page.evaluate(() => (window.__noPort = false));
  await connect(page);
  await page.getByText("Asking the board what it is").waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("button", { name: "Try again" }).waitFor();
  await counts(page.getByRole("alert"), 0);
});

test("a board that was only looked at goes on with what it did", async (t) => {
  const board = new PlayedBoard();
  const booted = new Promise((done) => (board.onBoot = () => (done(), "hello\r\n")));
  const page = await at(t, board);
  await connect(page);
  await page.getByText("MicroPython 1.28.0 is on it.").waitFor();
  assert.equal(board.boots, 0);
  await page.getByRole("link", { name: "Apps" }).first().click();
  await booted;
});

test("a fault on the way is said, and the same thing is used when it is tried again", async (t) => {
  const board = new PlayedBoard({ onBoot: comes, refuse: "_put" });
  const page = await at(t, board);
  const before = server.mock.things.size;
  await connect(page);
  await page.getByRole("button", { name: "Install" }).click();
  await page.getByRole("alert").getByText("OSError: 28").waitFor();
  board.refuse = "";
  await page.getByRole("button", { name: "Install" }).click();
  await page.getByText("Heard from").waitFor();
  assert.equal(server.mock.things.size, before + 1);
});

test("a Pico is told how it gets MicroPython", async (t) => {
  const board = new PlayedBoard({ about: ["circuitpython", "9.2.1", "rp2", "Raspberry Pi Pico W"] });
  board.usb = { usbVendorId: 0x2e8a, usbProductId: 5 };
  const page = await at(t, board);
  await connect(page);
  await page.getByText("The runtime needs MicroPython").waitFor();
  await page.getByText("BOOTSEL").waitFor();
  await page.getByRole("link", { name: /RPI_PICO_W/ }).waitFor();
});

test("a browser without Web Serial gets the command, filled in", async (t) => {
  const page = await openPage(browser, server.url);
  t.after(() => page.context().close());
  await page.addInitScript(() => delete Navigator.prototype.serial);
  await signIn(page);
  await page.goto("/add/board");
  await page.getByText("This browser has no way to serial ports.").waitFor();
  await page.getByLabel("Name").fill("Kid's room");
  await page.getByLabel("Wi-Fi network").fill("home");
  await page.getByLabel(/This server, as the board/).fill("http://192.0.2.1:8080");
  await page.getByText("roost install --runtime").getByText("--wifi home").waitFor();
  const command = await page.getByText("roost install --runtime").innerText();
  assert.match(command, / --backend http:\/\/192\.0\.2\.1:8080 --name 'Kid'\\''s room' --wifi home$/);
});

test("a page that came by plain HTTP leads to the same by HTTPS", async (t) => {
  const page = await openPage(browser, server.url);
  t.after(() => page.context().close());
  await page.addInitScript(() => {
    delete Navigator.prototype.serial;
    Object.defineProperty(window, "isSecureContext", { value: false });
  });
  await signIn(page);
  await page.goto("/add/board");
  const way = page.getByRole("link", { name: /^Open https:/ });
  assert.equal(await way.getAttribute("href"), server.url.replace("http:", "https:") + "/add/board");
});

test("a computer gets a zip of its own", async (t) => {
  const page = await at(t, new PlayedBoard());
  await page.getByRole("button", { name: "Linux, Raspberry Pi" }).click();
  await page.getByLabel("Name").fill("Roof");
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download its zip" }).click();
  assert.equal((await download).suggestedFilename(), "roof.zip");
  await page.getByText("cd roof").waitFor();
  assert.ok(
    [...server.mock.newBoards.keys.values()].some((k) => k.name === "Roof" && k.platform === "python"),
  );
});

test("firmware is put on the shelf, and taken off", async (t) => {
  const page = await at(t, new PlayedBoard());
  await page.goto("/system");
  await page.getByRole("link", { name: "Firmware shelf" }).click();
  await page.getByText("ESP32_GENERIC-20260406-v1.28.0.bin").waitFor();
  const file = { name: "ESP32_GENERIC_C3-v1.28.0.bin", mimeType: "", buffer: Buffer.alloc(20_000, 1) };
  await page.getByLabel("Firmware file").setInputFiles(file);
  await page.getByText("esp32c3, at 0x0").waitFor();
  await page.getByLabel("Firmware file").setInputFiles({ ...file, name: "notes.txt" });
  await page.getByRole("alert").getByText("is no firmware").waitFor();
  await page.getByRole("button", { name: "Remove ESP32_GENERIC_C3-v1.28.0.bin" }).click();
  await page.getByLabel("to go on").fill("ESP32_GENERIC_C3-v1.28.0.bin");
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await page.getByText("esp32c3, at 0x0").waitFor({ state: "detached" });
  assert.deepEqual(page.troubles, []);
});
