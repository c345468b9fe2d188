// The own account: id, e-mail, time zone, keys, and its end.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { counts, launch, openPage, real, serve, signIn } from "./lib.mjs";

const only = { skip: real ? "changes accounts" : false };
let browser, server, page;
before(async () => {
  browser = await launch();
  server = await serve({});
  page = await openPage(browser, server.url, { timezoneId: "Europe/Paris" });
  await signIn(page);
});
after(async () => {
  await browser.close();
  await server.close();
});

test("the menu of the person leads there", only, async () => {
  await page.getByRole("button", { name: "You: ada" }).click();
  await page.getByRole("menuitem", { name: "Account" }).click();
  await page.getByRole("heading", { name: "Account", exact: true }).waitFor();
  await page.getByText("Zk3v8QpLx0aYt7RnW2cB5d").waitFor();
  await page.getByText("As the browser: Europe/Paris").waitFor({ state: "attached" });
});

test("e-mail and time zone; shown times follow at once and after a reload", only, async () => {
  await page.goto("/things/30AEA4F10B2C/log");
  const time = () => page.locator("ol[aria-label=Log] time").last().innerText();
  const paris = await time();
  await page.goto("/account");
  await page.getByLabel("E-mail").fill("ada@example.org");
  await page.getByLabel("Time zone of shown times").selectOption("Asia/Tokyo");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved").waitFor();
  assert.deepEqual(
    [server.mock.desk.account.email, server.mock.desk.account.timeZone],
    ["ada@example.org", "Asia/Tokyo"],
  );
  await page.goto("/things/30AEA4F10B2C/log");
  await page.locator("ol[aria-label=Log] time").last().waitFor();
  assert.notEqual(await time(), paris, "Tokyo is hours ahead");
  // Another browser of the same person has it from the server.
  const other = await openPage(browser, server.url, { timezoneId: "Europe/Paris" });
  await signIn(other);
  await other.waitForFunction(() => localStorage.getItem("roost.zone") === "Asia/Tokyo");
  await other.context().close();
});

test("a key of one's own: shown once, with lines to try it, and revoked", only, async () => {
  await page.goto("/account");
  await page.getByRole("button", { name: "Make a key" }).click();
  await page.getByLabel("What is it for?").fill("plotter");
  await page.getByRole("button", { name: "Make it" }).click();
  const secret = await page.locator("dialog pre").first().innerText();
  assert.match(secret, /^rst_/);
  await page.locator("dialog").getByText(`Bearer ${secret}`).waitFor();
  await page.getByRole("button", { name: "Pythings’ old API" }).click();
  await page.locator("dialog").getByText(`"apikey": "${secret}"`).waitFor();
  await page.locator("dialog").getByText("/api/web/v1/msg/worker/get").waitFor();
  await page.getByRole("button", { name: "Done" }).click();
  await counts(page.getByText(secret), 0);
  await page.getByRole("button", { name: "Revoke plotter" }).click();
  await page.getByLabel("Type plotter to go on").fill("plotter");
  await page.getByRole("button", { name: "Revoke", exact: true }).click();
  await page.getByRole("button", { name: "Revoke plotter" }).waitFor({ state: "detached" });
});

test("the last owner cannot go; a viewer can, by typing the name", only, async () => {
  await page.getByRole("button", { name: "Delete…" }).click();
  await page.getByLabel("Type ada to go on").fill("ada");
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("alert").getByText("last owner").waitFor();
  const viewer = await openPage(browser, server.url);
  await signIn(viewer, "vic", "viewer viewer");
  await viewer.goto("/account");
  await viewer.getByRole("button", { name: "Delete…" }).click();
  assert.ok(await viewer.getByRole("button", { name: "Delete", exact: true }).isDisabled());
  await viewer.getByLabel("Type vic to go on").fill("vic");
  await viewer.getByRole("button", { name: "Delete", exact: true }).click();
  await viewer.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.equal(server.mock.users.length, 1);
  await viewer.context().close();
  assert.deepEqual(page.troubles, []);
});
