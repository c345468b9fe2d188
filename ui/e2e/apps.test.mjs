// Apps, from a new one to what runs on things, and the code editor.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { counts, launch, openPage, real, serve, signIn } from "./lib.mjs";

const only = { skip: real ? "counts on the mock's apps" : false };
let browser, server, page;
before(async () => {
  if (only.skip) return;
  browser = await launch();
  server = await serve({});
  page = await openPage(browser, server.url);
  await signIn(page);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const app = (name = "Light on the bench") => [...server.mock.apps.list.values()].find((a) => a.name === name);
const at = (tab = "", name) => `/apps/${app(name).id}${tab}`;
const code = (p = page) => p.locator(".cm-content").first();
const files = (p = page) => p.getByRole("list", { name: "Files", exact: true });
const message = (p = page) => p.getByLabel("What changed", { exact: true });
const shipIt = (p = page) => p.getByRole("button", { name: "Commit and ship" });
async function open(path = at(), p = page) {
  await p.goto(path);
  await code(p).waitFor();
}
/** Types at the end of the file that is shown. */
async function type(text, p = page) {
  await code(p).click();
  await p.keyboard.press("Control+End");
  await p.keyboard.insertText(text);
}

test("the list tells who runs what, and who has drafts", only, async () => {
  await page.getByRole("link", { name: "Apps" }).click();
  const row = page.getByRole("list", { name: "Apps" }).getByRole("listitem").filter({ hasText: "bench" });
  await row.getByText("2 things").waitFor();
  await row.getByText("Read the light as a mean of four").waitFor();
  await row.getByText("1 draft").waitFor();
});

test("a new app begins with two tasks that run", only, async () => {
  await page.getByRole("link", { name: "New app" }).click();
  await page.getByLabel("Name").fill("Garden door");
  await page.getByLabel("Worker interval").fill("120");
  await page.getByRole("button", { name: "Make it" }).click();
  await page.getByText("There is an app called Garden door already.").waitFor();
  await page.getByLabel("Name").fill("Water level");
  await page.getByRole("button", { name: "Make it" }).click();
  await page.getByRole("heading", { name: "Water level" }).waitFor();
  await code().getByText("class").first().waitFor();
  await files().getByRole("button", { name: "worker_task.py", exact: true }).waitFor();
  await files().getByRole("button", { name: "management_task.py", exact: true }).waitFor();
  await page.getByText("Everything is committed.").waitFor();
  assert.equal(app("Water level").pools[0].settings.worker, 120);
});

test("what is typed is marked, and Ctrl-S keeps it as a draft", only, async () => {
  await open(at("", "Water level"));
  await type("# a line more\n");
  await page.getByText("1 file changed, 1 file not saved yet.").waitFor();
  await page.keyboard.press("Control+s");
  await page.getByText("1 file changed, saved as a draft.").waitFor();
  assert.match(app("Water level").drafts.get("worker_task.py").content, /# a line more\n$/);
  await page.reload();
  await code().getByText("# a line more").waitFor();
});

test("a commit needs a word, and ships to whom it says", only, async () => {
  await open();
  await page.getByText("1 thing in development gets it.").waitFor();
  await type("# for the pump house\n");
  await shipIt().click();
  await page.getByText("Say in a few words what changed.").waitFor();
  await message().fill("Say who it is for");
  await message().press("Enter");
  await page.getByText("Committed: 1 thing in development fetches it").waitFor();
  await page.getByText("Everything is committed.").waitFor();
  assert.equal(app().commits.at(-1).message, "Say who it is for");
  assert.equal(app().drafts.size, 0);
});

test("a watched thing tells how the commit arrives", only, async () => {
  const runs = page.getByRole("complementary", { name: "Runs on" });
  const id = app().commits.at(-1).id;
  await runs.getByText(`fetched worker_task.py of ${id}`).waitFor();
  await runs.getByText(`registered: v1.0.0, app ${id}`).waitFor();
  await runs.getByRole("region", { name: "Last values" }).getByText("level").waitFor();
  server.mock.software.say("30AEA4F10B2C", { level: 77.5 });
  await runs.getByText("77.5").waitFor();
  await runs.getByLabel("Send a message").fill("meminfo");
  await runs.getByLabel("Send a message").press("Enter");
  await runs.getByText('Got "meminfo"').waitFor();
});

test("a line of a traceback leads to the code", only, async () => {
  await page
    .getByRole("complementary", { name: "Runs on" })
    .getByRole("button", { name: "worker_task.py, line 8" })
    .first()
    .click();
  await page.locator(".cm-activeLine").getByText("Reads the light that falls").waitFor();
});

test("a fault shows while it is typed, and a refused commit names its line", only, async () => {
  await open();
  await type("\ndef broken(\n");
  const problems = page.getByRole("region", { name: "Problems" });
  await problems.getByText("1 problem").waitFor();
  await page.locator(".cm-lint-marker-error").waitFor();
  const lines = (await readDraft()).split("\n");
  const line = lines.findIndex((l) => l.includes("def broken(")) + 1;
  await message().fill("Break it");
  await shipIt().click();
  await page.getByRole("alert").getByText(`worker_task.py, line ${line}`).waitFor();
  assert.notEqual(app().commits.at(-1).message, "Break it");
  await code().press("Control+Home");
  await problems.getByRole("button", { name: /invalid syntax/ }).click();
  await page.locator(".cm-activeLine").getByText("def broken(").waitFor();
});
async function readDraft() {
  await page.keyboard.press("Control+s");
  await page.getByText("saved as a draft").waitFor();
  return app().drafts.get("worker_task.py").content;
}

test("a draft is compared with the newest commit, and discarded", only, async () => {
  await page.getByRole("button", { name: "Changes" }).click();
  await page.locator(".cm-changedLine, .cm-insertedLine").first().waitFor();
  await page.getByRole("button", { name: "Acts for worker_task.py" }).click();
  await page.getByRole("menuitem", { name: "Discard changes" }).click();
  await page.getByText("worker_task.py is as in the newest commit").waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await code().getByText("def broken(").waitFor();
  await page.getByRole("button", { name: "Acts for worker_task.py" }).click();
  await page.getByRole("menuitem", { name: "Discard changes" }).click();
  await page.getByText("Everything is committed.").waitFor();
  await page.getByRole("region", { name: "Problems" }).getByText("No problems").waitFor();
  assert.doesNotMatch(await code().innerText(), /broken/);
});

test("files are made, renamed and deleted", only, async () => {
  await page.getByRole("button", { name: "New file" }).click();
  await page.getByLabel("Name of the new file").fill("worker_task.py");
  await page.keyboard.press("Enter");
  await page.getByText("There is a worker_task.py already.").waitFor();
  await page.getByLabel("Name of the new file").fill("pumps");
  await page.keyboard.press("Enter");
  await files()
    .getByRole("button", { name: /^pumps\.py/ })
    .waitFor();
  await page.getByRole("button", { name: "Acts for pumps.py" }).click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.getByLabel("New name of pumps.py").fill("pump.py");
  await page.keyboard.press("Enter");
  await files()
    .getByRole("button", { name: /^pump\.py.*new/ })
    .waitFor();
  await page.getByRole("button", { name: "Acts for helpers.py" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await files()
    .getByRole("button", { name: /^helpers\.py.*deleted/ })
    .waitFor();
  await page.getByText("1 new, 1 deleted").waitFor();
  await message().fill("Pumps instead of helpers");
  await shipIt().click();
  await page.getByText("Everything is committed.").waitFor();
  assert.deepEqual(Object.keys(app().commits.at(-1).content).sort(), [
    "management_task.py",
    "pump.py",
    "worker_task.py",
  ]);
});

test("completion knows the contract and tells what a name does", only, async () => {
  await open();
  await code().click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type("machine.AD");
  await page.locator(".cm-tooltip-autocomplete").getByText("ADC", { exact: true }).waitFor();
  await page.getByText("Reads a voltage.").waitFor();
  await page.keyboard.press("Enter");
  await code().getByText("machine.ADC").last().waitFor();
  await page.keyboard.press("Control+z");
});

test("another’s commit under typed text loses nothing and says what to do", only, async () => {
  await page.reload();
  await code().waitFor();
  await type("# mine\n");
  const theirs = app().commits.at(-1).content["worker_task.py"] + "# theirs\n";
  server.mock.apps.committed(app(), "Theirs", { "worker_task.py": theirs }, "vic");
  const told = page.getByRole("alert").filter({ hasText: "vic committed “Theirs” meanwhile." });
  await told.waitFor();
  assert.equal(await shipIt().isDisabled(), true);
  assert.match(await code().innerText(), /# mine/);
  await told.getByRole("button", { name: "See the difference" }).click();
  await page.getByText("# theirs").first().waitFor();
  await told.getByRole("button", { name: "Keep mine" }).click();
  await message().fill("Mine after theirs");
  await shipIt().click();
  await page.getByText("Everything is committed.").waitFor();
  const text = app().commits.at(-1).content["worker_task.py"];
  assert.match(text, /# mine/);
  assert.doesNotMatch(text, /# theirs/);
});

test("another’s commit of other files is told, and the next try goes through", only, async () => {
  await type("# mine again\n");
  await page.keyboard.press("Control+s");
  await page.getByText("saved as a draft").waitFor();
  const others = { "pump.py": "LEVEL = 2\n" };
  let came = false; // while the commit is on its way
  await page.route("**/commits", async (route) => {
    if (route.request().method() === "POST") {
      if (!came) server.mock.apps.committed(app(), "Pumps of others", others, "vic");
      came = true;
    }
    await route.continue();
  });
  await message().fill("Mine again");
  await shipIt().click();
  await page.getByRole("alert").getByText("It changed none of your files").waitFor();
  await shipIt().click();
  await page.getByText("Everything is committed.").waitFor();
  assert.match(app().commits.at(-1).content["worker_task.py"], /# mine again/);
  assert.equal(app().commits.at(-1).content["pump.py"], "LEVEL = 2\n");
  await page.unroute("**/commits");
});

test("leaving with typed text asks; a tab of the same app does not", only, async () => {
  await type("# half a thought\n");
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByRole("heading", { name: "Pools" }).waitFor();
  await page.getByRole("link", { name: /^Code/ }).click();
  await code().getByText("# half a thought").waitFor();
  await page.getByRole("link", { name: "Gateways" }).click();
  const ask = page.getByRole("dialog", { name: "Not saved yet" });
  await ask.getByRole("button", { name: "Stay" }).click();
  await code().getByText("# half a thought").waitFor();
  await page.getByRole("link", { name: "Apps", exact: true }).first().click();
  await ask.getByRole("button", { name: "Stay" }).click();
  await page.getByRole("link", { name: "Gateways" }).click();
  await ask.getByRole("button", { name: "Save and leave" }).click();
  await page.getByRole("heading", { name: "Gateways" }).waitFor();
  assert.match(app().drafts.get("worker_task.py").content, /# half a thought/);
});

test("going back with typed text asks, too", only, async () => {
  const p = await openPage(browser, server.url);
  await signIn(p);
  await p.getByRole("link", { name: "Apps", exact: true }).click();
  await p.getByRole("link", { name: "Garden door" }).click();
  await code(p).waitFor();
  await type("# typed\n", p);
  await p.getByText("1 file not saved yet").waitFor();
  await p.evaluate(() => history.back());
  const ask = p.getByRole("dialog", { name: "Not saved yet" });
  await ask.waitFor();
  assert.equal(new URL(p.url()).pathname, at("", "Garden door"));
  await ask.getByRole("button", { name: "Leave without it" }).click();
  await p.getByRole("heading", { name: "Apps" }).waitFor();
  assert.equal(app("Garden door").drafts.size, 0);
  assert.deepEqual(p.troubles, []);
  await p.context().close();
});

test("history shows what each commit changed, against any other", only, async () => {
  await page.goto(at("/history"));
  await page.getByRole("link", { name: /First version/ }).click();
  await page.getByRole("region", { name: "worker_task.py" }).getByText("new", { exact: true }).waitFor();
  await page.getByRole("link", { name: /Read the light/ }).click();
  const file = page.getByRole("region", { name: "worker_task.py" });
  await file.getByText("changed", { exact: true }).waitFor();
  await file.getByText("SAMPLES = 4").waitFor();
  await page.getByLabel("Compared with").selectOption({ label: "Say who it is for" });
  await page.waitForURL(/with=/);
  await file.locator(".cm-deletedChunk, .cm-merge-a").first().waitFor();
  await page.getByRole("link", { name: /Not committed yet/ }).click();
  await file.getByText("# half a thought").waitFor();
});

test("a commit is tagged, and a tag taken off", only, async () => {
  await page.getByRole("link", { name: /Mine after theirs/ }).click();
  await page.getByRole("button", { name: "Tag", exact: true }).click();
  await page.getByLabel("Name", { exact: true }).fill("v1.1");
  await page.getByRole("button", { name: "Tag it" }).click();
  await page.getByText("Tagged v1.1").waitFor();
  await page.getByRole("link", { name: /Mine after theirs.*v1\.1/ }).waitFor();
  await page.getByRole("button", { name: "Take the tag v1.1 off" }).click();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByRole("link", { name: /Mine after theirs.*v1\.1/ }).waitFor();
  assert.ok(app().tags.some((t) => t.name === "v1.1"));
  await page.getByRole("link", { name: /First version/ }).click();
  await page.getByRole("button", { name: "Take the tag v1.0 off" }).click();
  await page.getByText("A pool is set to the tag v1.0.").waitFor();
});

test("an old commit is read, and restored as a new one", only, async () => {
  await page.getByRole("link", { name: "Read its files" }).click();
  await page.getByText("To be read only.").waitFor();
  await code().waitFor();
  assert.equal(await code().getAttribute("contenteditable"), "false");
  await page.getByRole("link", { name: "History" }).click();
  await page.getByRole("link", { name: /First version/ }).click();
  await page.getByRole("button", { name: "Restore", exact: true }).click();
  await page.getByRole("button", { name: "Restore and ship" }).click();
  await page.getByRole("link", { name: /Restore \d+: First version/ }).waitFor();
  assert.deepEqual(app().commits.at(-1).content, app().commits[0].content);
});

test("settings say what saving does; only what changed is sent", only, async () => {
  await page.goto(at("/settings?pool=development"));
  await page.getByLabel("Worker interval").fill("0");
  await page.getByText("whole seconds, at least 1.").waitFor();
  await page.getByLabel("Worker interval").fill("30");
  await page.getByText("Saving reboots 1 thing").waitFor();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Saved", { exact: true }).waitFor();
  const dev = app().pools.find((p) => p.name === "development");
  assert.equal(dev.settings.worker, 30);
  await page.getByLabel("Version of the app").selectOption("v1.0");
  await page.getByText("Stays there until somebody chooses another").waitFor();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("button", { name: "Undo" }).waitFor({ state: "detached" });
  assert.equal(dev.settings.app, "v1.0");
  await page.getByText("protects little").waitFor();
  await page.getByLabel("Things that bring this app’s id need no approval").click();
  await page.getByText("Things with this app’s id come in by themselves").waitFor();
  assert.equal(app().admits, true);
});

test("a pool is added, made the default, and removed when it may be", only, async () => {
  await page.getByRole("button", { name: "Add a pool" }).click();
  await page.getByLabel("Name", { exact: true }).last().fill("field-test");
  await page.getByRole("button", { name: "Add it" }).click();
  await page.getByRole("link", { name: /field-test/ }).waitFor();
  await page.waitForURL(/pool=field-test/);
  await page.getByLabel("New things go to").selectOption("field-test");
  await page.getByText("New things go to field-test").waitFor();
  await page.getByRole("button", { name: "Remove the pool" }).waitFor({ state: "detached" });
  await page.getByLabel("New things go to").selectOption("development");
  await page.getByRole("button", { name: "Remove the pool" }).click();
  await page.getByLabel("to go on").fill("field-test");
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await page.getByText("field-test is gone").waitFor();
});

test("things show their pool and version, move, and get a message together", only, async () => {
  await page.goto(at("/things"));
  const row = page.getByRole("row").filter({ hasText: "pump house" });
  await row.getByLabel("Pool of pump house").selectOption("production");
  await page.getByText("Moved to production").waitFor();
  assert.equal(server.mock.things.get("30AEA4F10B2C").software.pool, "production");
  await page.getByLabel("Message to all things of the app").fill("red:on");
  await page.keyboard.press("Enter");
  await page.getByText("Waits for 2 things to fetch it").waitFor();
  await page.getByRole("button", { name: "Add a thing" }).click();
  await page.getByRole("button", { name: "Install" }).click();
  await page.getByRole("row").filter({ hasText: "fresh box" }).waitFor();
});

test("by the keyboard alone: from the editor to a commit", only, async () => {
  await page.goto(at("", "Garden door"));
  await code().waitFor();
  await files().getByRole("button", { name: "worker_task.py", exact: true }).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Control+End");
  await page.keyboard.type("# typed");
  await page.keyboard.press("Control+s");
  await page.getByText("saved as a draft").waitFor();
  const inEditor = () =>
    page.evaluate(() => document.activeElement?.shadowRoot?.activeElement?.className.includes("cm-content"));
  assert.equal(await inEditor(), true);
  await page.keyboard.press("Tab");
  assert.equal(await inEditor(), true, "Tab indents");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Tab");
  assert.notEqual(await inEditor(), true, "Escape, then Tab leaves");
  await message().focus();
  await page.keyboard.type("By keys");
  await page.keyboard.press("Enter");
  await page.getByText("Everything is committed.").waitFor();
  assert.equal(app("Garden door").commits.at(-1).message, "By keys");
});

test("single keys of the page stay out of the editor", only, async () => {
  await code().click();
  await page.keyboard.type("# g f / ?");
  await counts(page.getByRole("dialog"), 0);
  await page.keyboard.press("Control+z");
  await page.keyboard.press("Control+s");
});

test("an app is deleted by its name", only, async () => {
  await page.goto(at("/settings", "Water level"));
  await page.getByRole("button", { name: "Delete the app…" }).click();
  await page.getByLabel("to go on").fill("Water level");
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("Water level is deleted").waitFor();
  await page.getByRole("heading", { name: "Apps" }).waitFor();
});

test("no trouble in the console", only, () => assert.deepEqual(page.troubles, []));
