// The first minutes: set-up by the link, which works once; signing in and out; an empty fleet and its first thing.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage, real, serve } from "./lib.mjs";

const only = { skip: real ? "needs a server that was never set up" : false };
let browser, fresh;
before(async () => {
  browser = await launch();
  fresh = await serve({ setup: true, empty: true });
});
after(async () => {
  await browser.close();
  await fresh.close();
});

test("without the link the page says where it is", only, async () => {
  const page = await openPage(browser, fresh.url);
  await page.goto("/");
  await page.getByText("It printed a link on its console").waitFor();
  assert.equal(new URL(page.url()).pathname, "/setup");
  await page.context().close();
});

test("the link makes the owner and works once", only, async () => {
  const page = await openPage(browser, fresh.url);
  await page.goto("/setup#once-only-token");
  await page.getByLabel("Your name").fill("ada");
  await page.getByLabel("Password").fill("short");
  await page.getByText("Weak: use at least 10 characters.").waitFor();
  await page.getByRole("button", { name: "Set up" }).click();
  await page.getByText("The password needs at least 10 characters.").waitFor();
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Set up" }).click();
  await page.getByText("Nothing lives here yet").waitFor();
  assert.equal(new URL(page.url()).hash, "", "the token left the address");

  const other = await openPage(browser, fresh.url);
  await other.goto("/setup#once-only-token");
  await other.getByRole("heading", { name: "Sign in" }).waitFor();
  await other.context().close();

  assert.deepEqual(page.troubles, []);
  await page.context().close();
});

test("a wrong password is told, signing out ends it", only, async () => {
  const page = await openPage(browser, fresh.url);
  await page.goto("/");
  await page.getByLabel("Name").fill("ada");
  await page.getByLabel("Password").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Name or password is not right.").waitFor();
  await page.getByLabel("Password").fill("correct horse");
  await page.keyboard.press("Enter");
  await page.getByText("Nothing lives here yet").waitFor();
  await page.getByRole("button", { name: "You: ada" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.context().close();
});

test("a simulated thing comes by itself, waits, and is approved", only, async () => {
  const page = await openPage(browser, fresh.url);
  await page.goto("/");
  await page.getByLabel("Name").fill("ada");
  await page.getByLabel("Password").fill("correct horse");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Start a simulated one" }).click();
  await page.getByText("thing waits for you").waitFor();
  await page.getByRole("button", { name: /^Approve/ }).click();
  await page.getByRole("link", { name: "new CoAP node" }).waitFor();
  await page.getByText("°C").first().waitFor();
  assert.deepEqual(page.troubles, []);
  await page.context().close();
});
