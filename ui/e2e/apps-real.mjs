// A person's way from a new app to their own code on a device, on the real program: the device is
// simulated, and runs the code on MicroPython. Needs ROOST_BINARY.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage, signIn, startDemo } from "./lib.mjs";

const only = { skip: process.env.ROOST_BINARY ? false : "needs ROOST_BINARY" };
let browser, demo, page, path, thing;
before(async () => {
  if (only.skip) return;
  browser = await launch();
  demo = await startDemo();
  page = await openPage(browser, demo.url);
  page.setDefaultTimeout(60_000); // a commit is two restarts of the device
  await signIn(page);
});
after(async () => {
  await browser?.close();
  await demo?.close();
});

const code = () => page.locator(".cm-content").first();
const runs = () => page.getByRole("complementary", { name: "Runs on" });
const shipIt = () => page.getByRole("button", { name: "Commit and ship" });
const message = () => page.getByLabel("What changed", { exact: true });

/** Replaces all that stands in the editor. */
async function write(text) {
  await code().click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(text);
}

test("a new app, and a device that brings its id", only, async () => {
  await page.goto("/apps");
  await page.getByRole("link", { name: "New app" }).click();
  await page.getByLabel("Name").fill("Herb shelf");
  await page.getByLabel("Worker interval").fill("1");
  await page.getByLabel("Management interval").fill("1");
  await page.getByRole("button", { name: "Make it" }).click();
  await page.getByRole("heading", { name: "Herb shelf" }).waitFor();
  path = new URL(page.url()).pathname;
  const id = path.split("/")[2];
  const started = await page.evaluate(async (app) => {
    const body = JSON.stringify({ kind: "pythings", app });
    const res = await fetch("/api/v2/simulated", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body,
    });
    return res.json();
  }, id);
  thing = started.id;
  await page.goto(path);
  await runs().getByText("It runs what it should.").waitFor();
});

test("a commit in the editor is on the device, and its words are shown", only, async () => {
  await code().getByText("class WorkerTask").waitFor();
  await write(
    "import machine\n\n\nclass WorkerTask:\n    def call(self):\n        return {'answer': 6 * 7, 'light': machine.ADC(0).read()}\n",
  );
  assert.match(await code().innerText(), /answer/);
  await message().fill("Tell the answer");
  await shipIt().click();
  await page.getByText("Committed: 1 thing in development fetches it").waitFor();
  await runs().getByRole("region", { name: "Last values" }).getByText("answer").waitFor();
  await runs().getByText("42", { exact: true }).waitFor();
});

test("a message is answered", only, async () => {
  await runs().getByLabel("Send a message").fill("meminfo");
  await runs().getByLabel("Send a message").press("Enter");
  await runs()
    .getByText(/Got .?meminfo/)
    .first()
    .waitFor();
});

test("a broken commit is refused with the line number", only, async () => {
  await write("class WorkerTask:\n    def call(self:\n        return 1\n");
  await message().fill("Break it");
  await shipIt().click();
  await page.getByRole("alert").getByText("worker_task.py, line 2").waitFor();
});

test("a shell line is answered", only, async () => {
  await page.goto(`/things/${thing}/shell`);
  const line = page.getByRole("textbox").last();
  await line.fill("print(1 + 1, 'from the board')");
  await line.press("Enter");
  await page.getByText("2 from the board", { exact: true }).waitFor();
});

test("no page had a fault", only, () => assert.deepEqual(page.troubles, []));
