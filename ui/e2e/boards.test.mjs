// A board that asks for its files: what it says of itself, its files, its hotfixes. Its answers are played here.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { launch, openPage, real, serve, signIn } from "./lib.mjs";

const only = { skip: real ? "plays a board's answers over the mock" : false };
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const id = "meter-28cdc1010203";
let browser, server, page;
const fixes = [
  {
    id: "f1",
    files: ["app.py"],
    state: "served",
    by: "directory",
    undoneBy: "",
    at: 1,
    servedAt: 2,
    endedAt: 0,
  },
];
const asked = [];
let here = true; // the board, for those who ask it itself

before(async () => {
  if (only.skip) return;
  browser = await launch();
  server = await serve({});
  page = await openPage(browser, server.url);
  await signIn(page);
  const things = await page.evaluate(() => fetch("/api/v2/things").then((r) => r.json()));
  const one = things.things.find((t) => t.state === "enrolled" && t.online);
  const board = { ...one, id, name: "Barn meter", protocol: "board", tags: [] };
  await page.route("**/api/v2/things", async (route) => {
    await route.fulfill({ json: { ...things, things: [...things.things, board] } });
  });
  await page.route(`**/api/v2/things/${id}`, (route) => route.fulfill({ json: board }));
  await page.route(`**/api/v2/things/${id}/software`, (route) => route.fulfill({ status: 404, json: {} }));
  await page.route(`**/api/v2/things/${id}/board`, (route) =>
    route.fulfill({
      json: {
        ...{ mac: "28cdc1010203", appType: "meter", deviceType: "pico_w", firmware: "1.2.0", version: "7" },
        ...{ ip: "10.0.0.7", meta: { leds: 12, place: "Barn" }, heartbeat: 0, booted: Date.now() - 60_000 },
        files: [
          { name: "app.py", state: "differs", size: 1200, hotfix: "f1" },
          { name: "main.py", state: "same", size: 80, hotfix: "" },
          { name: "own.py", state: "extra", size: 0, hotfix: "" },
        ],
      },
    }),
  );
  await page.route(`**/api/v2/things/${id}/hotfixes`, async (route) => {
    if (route.request().method() === "POST") {
      const form = route.request().postData();
      asked.push(form);
      if (/broken/.test(form))
        return route.fulfill({ status: 422, json: { detail: "app.py, line 1: SyntaxError." } });
      fixes.unshift({
        ...fixes[0],
        id: "f" + (fixes.length + 1),
        files: [...form.matchAll(/filename="([^"]+)"/g)].map((m) => m[1]),
        state: "waiting",
        by: "ada",
        servedAt: 0,
      });
      return route.fulfill({ status: 201, json: fixes[0] });
    }
    await route.fulfill({ json: { hotfixes: fixes } });
  });
  await page.route(`**/api/v2/things/${id}/hotfixes/*`, async (route) => {
    const fix = fixes.find((f) => route.request().url().endsWith(f.id));
    Object.assign(fix, { state: "undone", undoneBy: "ada", endedAt: Date.now() });
    await route.fulfill({ json: fix });
  });
  await page.route(`**/api/v2/things/${id}/identify`, (route) =>
    here
      ? route.fulfill({ status: 204 })
      : route.fulfill({
          status: 503,
          json: { detail: `${id} does not answer at 10.0.0.7. Is it on, and on the same network as Roost?` },
        }),
  );
  await page.route(`**/api/v2/things/${id}/board/**`, (route) => {
    const path = route
      .request()
      .url()
      .replace(/.*\/board\//, "");
    if (path === "status") return route.fulfill({ json: { status: { device_id: id, uptime_ms: 123456 } } });
    if (path === "logs") return route.fulfill({ json: { logs: ["boot_log.txt", "platform_log.txt"] } });
    if (path.startsWith("logs/"))
      return route.fulfill({ json: { text: `started\nthe end of ${path.slice(5)}\n` } });
    asked.push(path);
    return route.fulfill({ status: 204 });
  });
  await page.route(`**/api/v2/things/${id}/commands`, async (route) => {
    if (route.request().method() !== "POST") return route.fulfill({ json: { commands: [] } });
    asked.push(route.request().postDataJSON());
    await route.fulfill({ status: 202, json: { id: "c1", thing: id, kind: "restart", state: "queued" } });
  });
});
after(async () => {
  await browser?.close();
  await server?.close();
});
const entry = (text) => page.getByRole("listitem").filter({ hasText: text });

test("it has the tabs of a board", only, async () => {
  await page.goto("/things/" + id + "/board");
  const tabs = page.getByRole("navigation", { name: "Parts of Barn meter" });
  await tabs.getByRole("link", { name: "Board" }).waitFor();
  const words = (await tabs.getByRole("link").allInnerTexts()).filter((w) => w !== "History");
  assert.deepEqual(words, ["Now", "Board", "Log", "Settings"]);
});

test("it shows what the board says, and its files against those wanted", only, async () => {
  for (const text of ["28cdc1010203", "pico_w", "10.0.0.7", "1.2.0", "Barn"])
    await page.getByText(text, { exact: true }).first().waitFor();
  await entry("main.py").getByText("right", { exact: true }).waitFor();
  await entry("own.py").getByText("its own", { exact: true }).waitFor();
  await page.getByText("differs", { exact: true }).waitFor();
});

test("a hotfix is given, refused with its reason, and taken back", only, async () => {
  const file = (text) => ({ name: "app.py", mimeType: "text/x-python", buffer: Buffer.from(text) });
  await page.getByLabel("Files of a hotfix").setInputFiles(file("def broken(:"));
  await page.getByRole("alert").getByText("SyntaxError").waitFor();
  await page.getByLabel("Files of a hotfix").setInputFiles(file("x = 1\n"));
  await page.getByText("waiting", { exact: true }).waitFor();
  assert.match(asked.at(-1), /filename="app\.py"[^]*\r\n\r\nx = 1\n\r\n/);
  await entry("by ada").getByRole("button", { name: "Undo" }).click();
  await page.getByText("taken back by ada").waitFor();
});

test("files that are dropped are a hotfix, too", only, async () => {
  await page.getByRole("group", { name: "New hotfix" }).evaluate((to) => {
    const data = new DataTransfer();
    data.items.add(new File(["y = 2\n"], "driver.py"));
    data.items.add(new File(["z = 3\n"], "app.py"));
    to.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: data }));
  });
  await page.getByText("It gets driver.py, app.py with its next heartbeat").waitFor();
  await entry("driver.py, app.py").getByText("waiting", { exact: true }).waitFor();
});

test("the board itself blinks, tells how it is, and shows its logs", only, async () => {
  const card = page
    .locator("section")
    .filter({ has: page.getByRole("heading", { name: "The board itself" }) });
  here = false;
  await card.getByRole("button", { name: "Identify" }).click();
  await card.getByRole("alert").getByText("Is it on, and on the same network as Roost?").waitFor();
  here = true;
  await card.getByRole("button", { name: "Identify" }).click();
  await page.getByText("It blinks", { exact: true }).waitFor();
  await card.getByRole("button", { name: "How is it?" }).click();
  await card.getByText("123456", { exact: true }).waitFor();
  await card.getByRole("button", { name: "Its logs" }).click();
  await card.getByText("the end of platform_log.txt").waitFor();
  await card.getByRole("combobox", { name: "Log" }).selectOption("boot_log.txt");
  await card.getByText("the end of boot_log.txt").waitFor();
  await card.getByRole("button", { name: "Factory reset…" }).click();
  await page.getByRole("dialog").getByRole("textbox").fill("Barn meter");
  await page.getByRole("dialog").getByRole("button", { name: "Factory reset" }).click();
  await page.getByText("It starts from the beginning").waitFor();
  assert.equal(asked.at(-1), "factory-reset");
});

test("a restart is asked for", only, async () => {
  await page.getByRole("button", { name: "Restart with its next heartbeat" }).click();
  await page.getByText("It restarts with its next heartbeat").waitFor();
  assert.deepEqual(asked.at(-1), { kind: "restart" });
});

test("axe finds nothing, in light and dark, wide and narrow; no page moves sideways", only, async () => {
  for (const colorScheme of ["light", "dark"])
    for (const width of [1440, 390]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await page.evaluate(axe);
      const found = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
      assert.deepEqual(
        found.violations.map((v) => [v.id, v.nodes.map((n) => n.html)]),
        [],
      );
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
      if (process.env.SHOTS)
        await page.screenshot({
          path: `${process.env.SHOTS}/board-${colorScheme}-${width}.png`,
          fullPage: true,
        });
    }
  await page.setViewportSize({ width: 1440, height: 900 });
  const told = page.troubles.filter((t) => !t.includes("503")); // the board was not there once
  assert.deepEqual(told, []);
});
