// A thing that runs Roost's own runtime, and code tried on a played board. Its answers are played here.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, counts, launch, openPage, real, serve, signIn, until } from "./lib.mjs";

const only = { skip: real ? "plays answers over the mock" : false };
const id = "roost-28cdc1010203";
const trace =
  'Traceback (most recent call last):\n  File "app.py", line 7, in run\nOSError: [Errno 19] ENODEV';
let browser, server, page;
const asked = [];
const slot = {
  ...{ version: "1795240653", slot: "_q", trial: 0, previous: "_p", previousVersion: "1795240000" },
  ...{ bad: ["1795240500"], wanted: "1795240700" },
};
const told = {
  ...{ platform: "esp32", machine: "Generic ESP32 module", python: "micropython 1.27.0", mpy: 6 },
  ...{ profile: "full", booted: Date.now() - 60_000, resetCause: "planned", why: "update", ip: "10.0.0.8" },
  ...{ freeMemory: 98_000, freeFlash: 812_000, owner: "", meta: { place: "Barn" } },
  net: { ssid: "Home", failed: ["Shed"] },
  runtime: {
    ...{ version: "1.0.0", slot: "factory", trial: 0, previous: "", previousVersion: "", bad: null },
    ...{ newest: "1.1.0", wanted: "1.0.0" },
  },
  app: slot,
  files: [
    { name: "app.py", size: 1200, state: "differs" },
    { name: "wind.py", size: 400, state: "right" },
  ],
  update: { kind: "app", version: "1795240700", state: "fetching", done: 400, of: 1600, why: "", at: 1 },
};
const start = (n, resetCause, why, before) => ({
  ...{ boot: `0000000${n}`, at: Date.now() - n * 3_600_000, resetCause, why, before },
  ...{ runtime: "1.0.0", app: n > 2 ? "1795240000" : "1795240653" },
});
const boots = [
  start(1, "planned", "update", 5_400_000),
  start(2, "crash", "crash", 60_000),
  start(3, "watchdog", "watchdog", 86_400_000),
  start(4, "planned", "restart:c7", 7_200_000),
  start(5, "power on", "", 0),
  ...[6, 7, 8, 9].map((n) => start(n, "unknown", "", 3_600_000)),
];
let groups = [
  {
    ...{ id: "g1", app: "", appName: "", version: "1795240500", part: "app", count: 3, things: [id] },
    ...{ error: "OSError: [Errno 19] ENODEV", traceback: trace, seen: false },
    ...{ first: Date.now() - 900_000, last: Date.now() - 600_000 },
  },
];

before(async () => {
  if (only.skip) return;
  browser = await launch();
  server = await serve({});
  page = await openPage(browser, server.url);
  await signIn(page);
  const things = await page.evaluate(() => fetch("/api/v2/things").then((r) => r.json()));
  const one = things.things.find((t) => t.state === "enrolled" && t.online);
  const board = { ...one, id, name: "Wind vane", protocol: "Roost", tags: [] };
  await page.route("**/api/v2/things", (route) =>
    route.fulfill({ json: { ...things, things: [...things.things, board] } }),
  );
  const of = (what) => `**/api/v2/things/${id}${what}`;
  await page.route(of(""), (route) => route.fulfill({ json: board }));
  await page.route(of("/software"), (route) => route.fulfill({ status: 404, json: {} }));
  await page.route(of("/hotfixes"), (route) => route.fulfill({ json: { hotfixes: [] } }));
  await page.route(of("/runtime"), (route) => route.fulfill({ json: told }));
  await page.route(of("/boots"), (route) => route.fulfill({ json: { boots } }));
  await page.route("**/api/v2/crashes?*", (route) => route.fulfill({ json: { groups } }));
  await page.route("**/api/v2/crashes/g1/seen", (route) => {
    groups = [{ ...groups[0], seen: true }];
    return route.fulfill({ status: 204 });
  });
  await page.route("**/api/v2/crashes/g1", (route) => {
    groups = [];
    return route.fulfill({ status: 204 });
  });
  await page.route(of("/commands"), (route) => {
    if (route.request().method() !== "POST") return route.fulfill({ json: { commands: [] } });
    asked.push(route.request().postDataJSON());
    return route.fulfill({ status: 202, json: { id: "c1", thing: id, state: "queued" } });
  });
});
after(async () => {
  await browser?.close();
  await server?.close();
});

test("its page tells what runs, what is on its way and what it would return to", only, async () => {
  await page.goto("/things/" + id + "/board");
  const tabs = page.getByRole("navigation", { name: "Parts of Wind vane" });
  await tabs.getByRole("link", { name: "Board" }).waitFor();
  const words = (await tabs.getByRole("link").allInnerTexts()).filter((w) => w !== "History");
  assert.deepEqual(words, ["Now", "Messages", "Shell", "Software", "Log", "Board", "Settings"]);
  await page.getByText("fetches commit 1795240700: 25 %").waitFor();
  for (const text of ["Generic ESP32 module", "micropython 1.27.0", "1795240653", "slot B", "1795240500"])
    await page.getByText(text, { exact: true }).first().waitFor();
  await page.getByText("factory copy", { exact: true }).waitFor();
  await page.getByRole("listitem").filter({ hasText: "app.py" }).getByText("differs").waitFor();
  await page.getByText("The Wi-Fi “Shed” did not work; back on “Home”.").waitFor();
  const starts = page.getByRole("list", { name: "Starts" }).getByRole("listitem");
  await counts(starts, 8);
  await starts
    .filter({ hasText: "it hung; the watchdog restarted it" })
    .getByText("had run 1\u00a0d")
    .waitFor();
  await starts.filter({ hasText: "somebody asked for it" }).waitFor();
  await page.getByText("2 of the last 9 were faults.").waitFor();
  await accessible(page, "runtime");
  await page.getByRole("button", { name: "Show all" }).click();
  await counts(starts, 9);
});

test("on a phone the tab that is open is in sight", only, async () => {
  await page.setViewportSize({ width: 390, height: 900 });
  await page.reload();
  const tab = page
    .getByRole("navigation", { name: "Parts of Wind vane" })
    .getByRole("link", { name: "Board" });
  const inSight = async () => {
    const box = await tab.boundingBox();
    return box !== null && box.x >= 0 && box.x + box.width <= 390;
  };
  await until(inSight, () => "the tab is out of sight");
  await page.setViewportSize({ width: 1440, height: 900 });
});

test("a crash is there with its traceback, is seen and forgotten", only, async () => {
  const one = page.getByRole("list", { name: "Crashes" }).getByRole("listitem");
  await one.getByText("OSError: [Errno 19] ENODEV").first().click();
  await one.getByText('File "app.py", line 7').waitFor();
  await one.getByText("3 times").waitFor();
  await one.getByRole("button", { name: "Seen" }).click();
  await one.getByRole("button", { name: "Seen" }).waitFor({ state: "detached" });
  await one.getByRole("button", { name: /Forget/ }).click();
  await page.getByText("None. What breaks on it is told here").waitFor();
});

test("it is asked to show itself, to start again, and for a factory reset after a word", only, async () => {
  await page.getByRole("button", { name: "Identify" }).click();
  await page.getByText("It blinks as soon as it hears of it").waitFor();
  await page.getByRole("button", { name: "Restart" }).click();
  await page.getByText("It starts again as soon as it hears of it").waitFor();
  await page.getByRole("button", { name: "Factory reset…" }).click();
  const dialog = page.getByRole("dialog");
  const go = dialog.getByRole("button", { name: "Factory reset" });
  assert.ok(await go.isDisabled());
  await dialog.getByRole("textbox").fill("Wind vane");
  await go.click();
  await page.getByText("It forgets its networks").waitFor();
  assert.deepEqual(
    asked.map((a) => a.kind),
    ["identify", "restart", "factory-reset"],
  );
});

test("an app is offered to it", only, async () => {
  const list = await page.evaluate(() => fetch("/api/v2/apps").then((r) => r.json()));
  await page.goto("/apps/" + list.apps[0].id + "/things");
  await page.locator("main").getByRole("button", { name: "Add a thing" }).click();
  await page.getByRole("dialog").getByLabel("Thing", { exact: true }).selectOption("Wind vane");
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
});

test("a start that takes long says what it waits for, and can be stopped", only, async () => {
  await page.clock.install();
  const sent = [];
  const events = [
    { type: "state", state: "starting", text: "" },
    { type: "print", text: "waiting for a sensor that is not there\n" },
  ];
  await page.route("**/api/v2/trials", (route) => route.fulfill({ status: 201, json: { id: "t0" } }));
  let begun = 0;
  await page.route("**/api/v2/trials/t0/events", (route) => {
    if (begun++ > 0) return; // a page connects again for ever
    return route.fulfill({
      contentType: "text/event-stream",
      body: events.map((e) => `data: ${JSON.stringify(e)}\n\n`).join(""),
    });
  });
  await page.route("**/api/v2/trials/t0", (route) => {
    sent.push(route.request().method());
    return route.fulfill({ status: 204 });
  });
  const list = await page.evaluate(() => fetch("/api/v2/apps").then((r) => r.json()));
  await page.goto("/apps/" + list.apps[0].id);
  await page
    .getByRole("group", { name: "Where the code runs" })
    .getByRole("button", { name: "Try it" })
    .click();
  const board = page.getByRole("region", { name: "Virtual board" });
  await board.getByRole("button", { name: "Try it" }).click();
  await page.getByRole("region", { name: "Output" }).getByText("waiting for a sensor").waitFor();
  assert.equal(await board.getByRole("status").count(), 0);
  await page.clock.fastForward(21_000);
  await board.getByRole("status").getByText("waiting for a sensor that is not there").waitFor();
  await board.getByRole("button", { name: "Stop it" }).click();
  await board.getByText("stopped").waitFor();
  await until(
    () => sent.length > 0,
    () => "nothing was asked",
  );
  assert.deepEqual(sent, ["DELETE"]);
  await page.unroute("**/api/v2/trials");
  await page.clock.resume();
});

test("code is tried before it is committed", only, async () => {
  const sent = [];
  const events = [
    { type: "state", state: "starting", text: "" },
    { type: "state", state: "running", text: "" },
    { type: "print", text: "hello from the board\n" },
    { type: "values", at: Date.now(), values: { temperature: 21.5 } },
    { type: "pins", pins: { 2: 1 }, pixels: { 4: ["ff0000", "00ff00"] } },
    { type: "log", at: Date.now(), level: "error", text: "worker KO: OSError", detail: trace },
  ];
  const state = { begun: 0 };
  await page.route("**/api/v2/trials", (route) => {
    sent.push(route.request().postDataJSON());
    return route.fulfill({ status: 201, json: { id: "t1" } });
  });
  await page.route("**/api/v2/trials/t1/events", (route) => {
    if (state.begun++ > 0) return; // a page connects again for ever
    return route.fulfill({
      contentType: "text/event-stream",
      body: events.map((e) => `data: ${JSON.stringify(e)}\n\n`).join(""),
    });
  });
  await page.route("**/api/v2/trials/t1/shell", (route) => route.fulfill({ json: { output: "2\n" } }));
  await page.route("**/api/v2/trials/t1/message", (route) =>
    route.fulfill({ json: { answer: route.request().postDataJSON().data === "red:on" ? "on" : null } }),
  );
  await page.route("**/api/v2/trials/t1", (route) => {
    sent.push(route.request().method());
    return route.fulfill({ status: 204 });
  });
  const list = await page.evaluate(() => fetch("/api/v2/apps").then((r) => r.json()));
  await page.goto("/apps/" + list.apps[0].id);
  await page
    .getByRole("group", { name: "Where the code runs" })
    .getByRole("button", { name: "Try it" })
    .click();
  const panel = page.getByRole("complementary", { name: "Try it" });
  const board = panel.getByRole("region", { name: "Virtual board" });
  await board.getByRole("button", { name: "Try it" }).click();
  await panel.getByText("hello from the board").waitFor();
  await panel.getByText("21.5").waitFor();
  await panel.getByText("runs", { exact: true }).waitFor();
  await panel.getByRole("img", { name: "Lights at pin 4: #ff0000, #00ff00" }).waitFor();
  await panel.getByText("worker KO: OSError").waitFor();
  assert.ok(Object.keys(sent[0].files).length > 0);
  await panel.getByLabel("Message to the app").fill("red:on");
  await panel.getByRole("button", { name: "Send" }).click();
  await panel.getByText("on", { exact: true }).waitFor();
  await panel.getByText("Shell", { exact: true }).click();
  await panel.getByLabel("Line for the shell").fill("1 + 1");
  await panel.getByRole("button", { name: "Send" }).click();
  await panel.getByText(">>> 1 + 1").waitFor();
  await accessible(page, "try");
  await panel.getByRole("button", { name: "Stop" }).click();
  await panel.getByText("stopped").waitFor();
  await until(
    () => sent.at(-1) === "DELETE",
    () => `asked last: ${sent.at(-1)}`,
  );
  assert.deepEqual(page.troubles, []);
});
