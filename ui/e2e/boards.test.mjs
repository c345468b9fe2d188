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
      const body = route.request().postDataJSON();
      asked.push(body);
      if (/broken/.test(Object.values(body.files)[0]))
        return route.fulfill({ status: 422, json: { detail: "app.py, line 1: SyntaxError." } });
      fixes.unshift({
        ...fixes[0],
        id: "f2",
        files: Object.keys(body.files),
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
  assert.deepEqual(asked.at(-1), { files: { "app.py": "x = 1\n" } });
  await entry("by ada").getByRole("button", { name: "Undo" }).click();
  await page.getByText("taken back by ada").waitFor();
});

test("a restart is asked for", only, async () => {
  await page.getByRole("button", { name: "Restart" }).click();
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
    }
  await page.setViewportSize({ width: 1440, height: 900 });
  assert.deepEqual(page.troubles, []);
});
