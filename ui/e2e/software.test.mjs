// A PythingsOS thing: messages, shell, software, log, history by link; the shelf and how to add one.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { counts, launch, openPage, real, serve, signIn } from "./lib.mjs";

const only = { skip: real ? "counts on the mock's things" : false };
let browser, server, page;
const pump = "/things/30AEA4F10B2C";
const windowSensor = "/things/A4CF12B3D5E6";
const fresh = "/things/fresh-box";
before(async () => {
  browser = await launch();
  server = await serve({});
  page = await openPage(browser, server.url, { acceptDownloads: true });
  await signIn(page);
});
after(async () => {
  await browser.close();
  await server.close();
});
const region = (name) => page.locator("section", { has: page.getByRole("heading", { name, exact: true }) });
const entry = (text) => page.getByRole("listitem").filter({ hasText: text });

test("it has the tabs of a thing that takes apps, and others keep theirs", only, async () => {
  await page.goto(pump);
  const tabs = page.getByRole("navigation", { name: "Parts of pump house" });
  await tabs.getByRole("link", { name: "Shell" }).waitFor();
  assert.deepEqual(await tabs.getByRole("link").allInnerTexts(), [
    ...["Now", "History", "Messages", "Shell", "Software", "Log", "Settings"],
  ]);
  await page.getByRole("link", { name: "Light on the bench" }).waitFor();
  await page.getByRole("link", { name: "update waits" }).waitFor();
  await page.goto("/things/ABCDEF012345678");
  await page.getByRole("link", { name: "Commands" }).waitFor();
  await counts(page.getByRole("link", { name: "Shell" }), 0);
});

test("a message: queued until the thing asks, then sent, then answered", only, async () => {
  Object.assign(server.mock.software, { pause: 3000, work: 3000 });
  await page.goto(pump + "/messages");
  await page.getByText("The thing asks every 5 s").first().waitFor();
  await page.getByLabel("Message to the app").fill("led:on");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await entry("led:on").getByText("queued", { exact: true }).waitFor();
  await entry("led:on").getByText("sent", { exact: true }).waitFor();
  await entry("led:on").getByText("done", { exact: true }).waitFor();
  await entry("led:on").getByText('Got "led:on"').waitFor();
  const last = server.mock.commands.at(-1);
  assert.deepEqual([last.kind, last.value], ["message", "led:on"]);
  Object.assign(server.mock.software, { pause: 300, work: 100 });
});

test("what reads as JSON goes as JSON, and can go as text", only, async () => {
  const send = page.getByLabel("Message to the app");
  await send.fill('{"led": [1, 2]}');
  assert.equal(
    await page.getByRole("button", { name: "JSON", exact: true }).getAttribute("aria-pressed"),
    "true",
  );
  await send.press("Enter");
  await entry('{"led":[1,2]}').first().waitFor();
  assert.deepEqual(server.mock.commands.at(-1).value, { led: [1, 2] });
  await send.fill("42");
  await page.getByRole("button", { name: "Text", exact: true }).click();
  await page.getByLabel("Give up after").selectOption("600");
  await send.press("Enter");
  await entry('Got "42"').waitFor();
  const { value, created, expires } = server.mock.commands.at(-1);
  assert.equal(value, "42");
  assert.equal(expires - created, 600_000);
  await send.fill("{broken");
  await page.getByRole("button", { name: "JSON", exact: true }).click();
  await send.press("Enter");
  await page.getByRole("alert").getByText("This is not JSON").waitFor();
  await send.fill("");
});

test("a queued message can be cancelled and sent again", only, async () => {
  server.mock.software.pause = 60_000;
  await page.getByLabel("Message to the app").fill("later");
  await page.getByLabel("Message to the app").press("Enter");
  await entry("later").getByRole("button", { name: "Cancel" }).click();
  await entry("later").getByText("cancelled", { exact: true }).waitFor();
  server.mock.software.pause = 300;
  await entry("later").getByRole("button", { name: "Retry" }).click();
  await page.getByText('Got "later"').waitFor();
});

test("worker messages come live, are filtered and found", only, async () => {
  server.mock.software.say("30AEA4F10B2C", { level: 7, note: "<b>dry</b>" });
  await page.getByText("<b>dry</b>").waitFor();
  await page.getByRole("button", { name: "To the app" }).click();
  await page.getByText("<b>dry</b>").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "From the worker" }).click();
  await page.getByText("<b>dry</b>").waitFor();
  await page.getByLabel("Find in messages").fill("dry");
  await counts(page.locator("main ol > li"), 1);
  await page.getByLabel("Find in messages").fill("");
  const before = await page.locator("main ol > li").count();
  await page.getByRole("button", { name: "Show older" }).click();
  await page.waitForFunction((n) => document.querySelectorAll("main ol > li").length > n, before);
});

test("the shell: an answer, a traceback, history by arrow keys that stays", only, async () => {
  server.mock.software.pause = 4000;
  await page.goto(pump + "/shell");
  const line = page.getByLabel("A line of Python for the thing");
  const log = page.getByRole("log");
  await line.fill("print(1+1)");
  await line.press("Enter");
  await log.getByText("The thing asks every 5 s").waitFor();
  await log.getByText("2", { exact: true }).waitFor();
  server.mock.software.pause = 300;
  await line.fill("1/0");
  await line.press("Enter");
  await log.locator("pre.bad").getByText("ZeroDivisionError").waitFor();
  await line.fill("x = 1");
  await line.press("Shift+Enter");
  await line.pressSequentially('print("two lines")');
  await line.press("Enter");
  await log.getByText("two lines", { exact: true }).waitFor();
  await log.getByText("... ").waitFor();
  await page.reload();
  await log.getByText("ZeroDivisionError").waitFor();
  await line.press("ArrowUp");
  assert.equal(await line.inputValue(), 'x = 1\nprint("two lines")');
  await line.press("Home");
  await line.press("ArrowUp"); // from its second line to its first
  await line.press("ArrowUp");
  assert.equal(await line.inputValue(), "1/0");
  await line.press("ArrowUp");
  assert.equal(await line.inputValue(), "print(1+1)");
  await line.press("ArrowDown");
  await line.press("ArrowDown");
  await page.keyboard.press("Control+End");
  await line.press("ArrowDown");
  assert.equal(await line.inputValue(), "");
  await line.fill("machine.reset()");
  await line.press("Enter");
  await log.getByText("The thing came back without answering").waitFor();
});

test("a viewer reads and runs nothing", only, async () => {
  const viewer = await openPage(browser, server.url);
  await signIn(viewer, "vic", "viewer viewer");
  await viewer.goto(pump + "/shell");
  await viewer.getByText("Running lines needs the role operator.").waitFor();
  await counts(viewer.getByLabel("A line of Python for the thing"), 0);
  await viewer.goto(pump + "/software");
  await viewer.getByRole("heading", { name: "Sessions" }).waitFor();
  assert.equal(
    await viewer
      .locator("main")
      .getByRole("button", { name: /Uninstall|Change|Make it/ })
      .count(),
    0,
  );
  await viewer.context().close();
});

test("software: what runs, what shall run, faults that stay", only, async () => {
  await page.goto(pump + "/software");
  await region("App")
    .getByText(/it fetches commit \d+ and starts again/)
    .waitFor();
  await region("App")
    .getByText(/it fetches system v1\.1\.0/)
    .waitFor();
  const said = region("What it says of itself");
  await said.locator(".fault").getByText("could not read the sensor").waitFor();
  await said.getByText("Traceback", { exact: true }).click();
  await said.getByText('File "worker_task.py", line 14, in call').waitFor();
  await said.getByText("Last fault").waitFor();
  await said.getByText("KeyError").waitFor();
  await region("Device").getByText("esp32").waitFor();
});

test("own settings over the pool's, and back", only, async () => {
  const row = (name) => region("Settings").getByRole("listitem").filter({ hasText: name });
  await row("Management interval").getByText("own").waitFor();
  await row("Management interval").getByText("pool: 60").waitFor();
  await page.getByRole("button", { name: "Reset Management interval" }).click();
  await row("Management interval").getByText("from the pool").waitFor();
  await page.getByRole("button", { name: "Change Worker interval" }).click();
  await page.getByLabel("Worker interval", { exact: true }).fill("0");
  await row("Worker interval").getByRole("button", { name: "Save" }).click();
  await row("Worker interval").getByRole("alert").waitFor();
  await page.getByLabel("Worker interval", { exact: true }).fill("10");
  await row("Worker interval").getByRole("button", { name: "Save" }).click();
  await row("Worker interval").getByText("own").waitFor();
  assert.deepEqual(server.mock.things.get("30AEA4F10B2C").software.own, { os: "v1.1.0", worker: 10 });
});

test("pool, install, uninstall with undo, register again", only, async () => {
  await page.getByLabel("Pool").selectOption("staging");
  await page.getByText("Moved to staging").waitFor();
  await page.getByRole("button", { name: "Make it register again" }).click();
  await page.getByText("It registers again").waitFor();
  await page.getByRole("button", { name: "Uninstall" }).click();
  await region("App").getByText("It waits for an app").waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await region("App").getByRole("link", { name: "Light on the bench" }).waitFor();
  await page.goto(fresh + "/software");
  await page.getByRole("button", { name: "Install an app…" }).click();
  await page.getByLabel("App", { exact: true }).selectOption({ label: "Garden door" });
  await page.getByRole("button", { name: "Install", exact: true }).click();
  await region("App").getByRole("link", { name: "Garden door" }).waitFor();
  await page.getByText("up to date").waitFor();
});

test("a thing bound by its app's id says why it cannot be moved", only, async () => {
  await page.goto(windowSensor + "/software");
  await region("App").getByText("It came with the id of its app").waitFor();
  await counts(page.getByRole("button", { name: /nstall/ }), 0);
  await region("Device").getByText("frozen").waitFor();
});

test("sessions: paged, each folds out", only, async () => {
  const list = region("Sessions");
  await list.locator("li").nth(9).waitFor();
  await list.getByRole("button", { expanded: false }).first().click();
  await list.getByText("Last contact").waitFor();
  await list.getByRole("button", { name: "Older" }).click();
  await page.waitForFunction(() => document.querySelectorAll("section:last-of-type li").length < 10);
  await list.getByRole("button", { name: "Newer" }).click();
});

test("the log: live, by level, with what is behind a line", only, async () => {
  await page.goto(pump + "/log");
  const log = page.getByRole("list", { name: "Log" });
  await log.getByText("registered:").first().waitFor();
  const t = server.mock.things.get("30AEA4F10B2C");
  server.mock.software.note({ thing: () => t }, t.software, "warn", "the battery is low");
  await log.getByText("the battery is low").waitFor();
  await page.getByRole("button", { name: "Errors", exact: true }).click();
  await log.getByText("the battery is low").waitFor({ state: "detached" });
  await log.getByText("worker KO: ValueError").click();
  await log.getByText('File "worker.py", line 21').waitFor();
});

test("history: a year, and a part of it that a link keeps", only, async () => {
  await page.goto(pump + "/history");
  await page.getByRole("button", { name: "1 year" }).click();
  await page.locator(".uplot").first().waitFor();
  const over = await page.locator(".uplot .u-over").first().boundingBox();
  await page.mouse.move(over.x + 200, over.y + 40);
  await page.mouse.down();
  await page.mouse.move(over.x + 420, over.y + 40, { steps: 5 });
  await page.mouse.up();
  await page.getByRole("button", { name: /Leave the zoom/ }).waitFor();
  assert.match(page.url(), /from=\d+&to=\d+/);
  await page.reload();
  await page.getByRole("button", { name: /Leave the zoom/ }).click();
  await page.waitForFunction(() => !location.search.includes("from="));
  await page.goto(pump + "/history?from_t=1790000000&to_t=1790003600");
  await page.getByRole("button", { name: /Leave the zoom/ }).waitFor();
});

test("the shelf: download, upload with its version, remove", only, async () => {
  await page.goto("/system/shelf");
  const download = page.getByRole("link", { name: "Zip of v1.1.0 for esp32", exact: true });
  assert.equal(await download.getAttribute("href"), "/api/v2/shelf/v1.1.0/esp32.zip");
  const zip = { name: "PythingsOS_v1.2.0_all.zip", mimeType: "application/zip", buffer: Buffer.from("PK") };
  await page.getByLabel("Zip of the release").setInputFiles(zip);
  assert.equal(await page.getByLabel("Version").inputValue(), "v1.2.0");
  await page.getByRole("button", { name: "Upload" }).click();
  await page.getByRole("region", { name: "v1.2.0" }).waitFor();
  await page.getByRole("button", { name: "Remove v1.2.0" }).click();
  await page.getByLabel("Type v1.2.0 to go on").fill("v1.2.0");
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await page.getByRole("region", { name: "v1.2.0" }).waitFor({ state: "detached" });
});

test("runtimes: where they come from, put on the shelf, taken off, and why not", only, async () => {
  await page.goto("/system/shelf");
  const own = page.getByRole("listitem", { name: "Runtime 1.0.0" });
  await own.getByText("this Roost’s own").waitFor();
  assert.equal(await own.getByRole("button").count(), 0);
  await page.getByRole("listitem", { name: "Runtime 0.9.1" }).getByText("signed 24f6ed6a").waitFor();
  const zip = { name: "roost-runtime-0.8.0.zip", mimeType: "application/zip", buffer: Buffer.from("PK") };
  await page.getByLabel("Zip of the runtime").setInputFiles(zip);
  const added = page.getByRole("listitem", { name: "Runtime 0.8.0" });
  await added.waitFor();
  const href = await added.getByRole("link", { name: "Zip of runtime 0.8.0" }).getAttribute("href");
  assert.equal(href, "/api/v2/runtimes/0.8.0/zip");
  await page.getByLabel("Zip of the runtime").setInputFiles(zip);
  await page.getByRole("alert").getByText("on the shelf already").waitFor();
  const remove = async (version) => {
    await page.getByRole("button", { name: `Remove runtime ${version}` }).click();
    await page.getByLabel(`Type ${version} to go on`).fill(version);
    await page.getByRole("button", { name: "Remove", exact: true }).click();
  };
  await remove("0.8.0");
  await added.waitFor({ state: "detached" });
  await remove("0.9.2");
  await page.getByText("choose another version for it first").waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
});

test("an empty shelf says what it is for", only, async () => {
  const bare = await serve({ empty: true });
  const p = await openPage(browser, bare.url);
  await signIn(p);
  await p.goto("/system/shelf");
  await p.getByText("The shelf is empty.").waitFor();
  await p.context().close();
  await bare.close();
});

test("add one: ids filled in for each platform, heard of and approved", only, async () => {
  await page.goto("/add/pythingsos");
  const port = new URL(server.url).port;
  await page.getByText(`echo Zk3v8QpLx0aYt7RnW2cB5d > aid`).waitFor();
  await page.getByLabel("This server, as things see it").fill("192.168.1.10");
  await page.getByText(`echo 192.168.1.10:${port} > backend`).waitFor();
  await page.getByRole("button", { name: "Python", exact: true }).click();
  await page.getByLabel("Its id").fill("desk 1");
  await page.getByText("echo 'desk 1' > ~/.pythings/tid").waitFor();
  await page.getByLabel("It brings").selectOption({ label: "the app Garden door" });
  await page.getByText(`echo ${[...server.mock.apps.list.keys()][1]} > ~/.pythings/aid`).waitFor();
  await page.getByRole("button", { name: "Start a simulated one" }).click();
  const heard = page.locator(".heard .line").filter({ hasText: "sim-pythings" });
  await heard.getByRole("button", { name: "Approve" }).click();
  await heard.getByRole("link", { name: "Open" }).waitFor();
  assert.deepEqual(page.troubles, []);
});
