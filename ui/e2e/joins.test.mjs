// A board that waits is known by its key; when several keys were asked for in its name, a person chooses.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, counts, launch, openPage, real, serve, signIn } from "./lib.mjs";

const only = { skip: real ? "plays boards on the mock" : false };
const minute = 60_000;
const join = (key, address, ago) => ({
  ...{ key, address, platform: "esp32", machine: "Generic ESP32 module with ESP32", at: Date.now() - ago },
});
const lone = "roost-28cdc1010203";
const twin = "roost-28cdc1010204";
const first = join("1a2b3-c4d5e", "192.168.1.20", 3 * 24 * 60 * minute);
const middle = join("77777-00001", "192.168.1.99", 2 * 60 * minute);
const last = join("9f8e7-d6c5b", "192.168.1.20", 4 * minute);
let browser, server, page;
before(async () => {
  if (only.skip) return;
  browser = await launch();
  server = await serve({});
  server.mock.addJoiner(lone, join("abcde-12345", "192.168.1.31", minute));
  server.mock.addJoiner(twin, first, last, middle);
  page = await openPage(browser, server.url);
  await signIn(page);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const waiting = () => page.getByRole("region", { name: "Waiting things" });
const line = (name) => waiting().getByRole("listitem").filter({ hasText: name });
const dialog = () => page.getByRole("dialog", { name: `Which key is ${twin}?` });

test("the list of things that wait tells the key of each, or how many there are", only, async () => {
  await line(lone).getByText("key abcde-12345").waitFor();
  await line(twin).getByText("3 keys were asked for in its name").waitFor();
  await accessible(page, "joins-fleet");
});

test("the page of a thing says where its key is to be found", only, async () => {
  await line(lone).getByRole("link").click();
  await page.getByText("key abcde-12345; the board prints the same on its console").waitFor();
  await accessible(page, "joins-thing");
  await page.goto("/");
});

test(
  "approving one of several keys asks which; the oldest stands first, the newest is marked",
  only,
  async () => {
    await line(twin).getByRole("button", { name: "Approve" }).click();
    await dialog()
      .getByText(/the first 3\sd ago, the last \d+\smin ago/)
      .waitFor();
    const keys = await dialog().locator("label .key").allInnerTexts();
    assert.deepEqual(keys, [first.key, middle.key, last.key]);
    const marked = dialog().locator("label").filter({ hasText: "newest" });
    await counts(marked, 1);
    assert.match(await marked.innerText(), /9f8e7-d6c5b[^]*from 192\.168\.1\.20 · \d+\smin ago/);
    assert.ok(await dialog().getByRole("button", { name: "Approve this key" }).isDisabled());
    await accessible(page, "joins-dialog");
    await dialog().getByRole("button", { name: "Cancel" }).click();
    await counts(dialog(), 0);
    assert.equal(server.mock.things.get(twin).state, "waiting");
  },
);

test("a key that is gone meanwhile is told, and the others are shown", only, async () => {
  await line(twin).getByRole("button", { name: "Approve" }).click();
  await dialog().getByLabel(middle.key).check();
  server.mock.things.get(twin).joins = [first, last];
  await dialog().getByRole("button", { name: "Approve this key" }).click();
  await dialog().getByRole("alert").getByText("No key 77777-00001").waitFor();
  await counts(dialog().getByRole("radio"), 2);
  await page.keyboard.press("Escape");
  await counts(dialog(), 0);
});

test("all are approved at once but those with several keys, and it is said", only, async () => {
  await page.getByRole("button", { name: "Approve all" }).click();
  await page.getByText("4 of 5 approved. 1 skipped, with several keys asked for in their name.").waitFor();
  await counts(waiting().getByRole("listitem"), 1);
  assert.equal(server.mock.things.get(lone).state, "enrolled");
});

test("the chosen key is let in, from the page of the thing too", only, async () => {
  await page.goto("/things/" + twin);
  await page.getByText("2 keys were asked for in its name: approving asks which one").waitFor();
  await page.getByRole("button", { name: "Approve" }).click();
  await dialog().getByLabel(last.key).check();
  await dialog().getByRole("button", { name: "Approve this key" }).click();
  await page.getByText("is one of yours").waitFor();
  assert.deepEqual(server.mock.things.get(twin).joins, [last]);
  assert.equal(server.mock.things.get(twin).state, "enrolled");
  assert.deepEqual(page.troubles, []);
});
