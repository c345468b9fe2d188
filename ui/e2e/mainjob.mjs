// The main job, by a person at a fresh demo: ROOST_URL and ROOST_SETUP (the printed link) say where. ./scripts/browser runs it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, name, openPage, password, quiet, serious, signIn } from "./lib.mjs";

const setup = process.env.ROOST_SETUP;
const only = { skip: setup && process.env.ROOST_URL ? false : "needs ROOST_URL and ROOST_SETUP" };
let browser, page;
before(async () => {
  if (only.skip) return;
  browser = await launch();
  page = await openPage(browser, process.env.ROOST_URL, { colorScheme: "light" });
});
after(async () => await browser?.close());

const row = (thing) => page.locator("li", { has: page.getByRole("link", { name: thing, exact: true }) });
const widget = (title) => page.getByRole("article", { name: title, exact: true });

/** Nothing serious for axe on the page that is open. */
const accessible = (where) => quiet(page, where, serious);

/** The measured values that a place shows; ages are none. */
const measured = async (place) => (await place.innerText()).match(/[\d.,]+\s*(°C|%|hPa|lx)/g)?.join(" ");

/** Waits until a place shows other values, without a reload. */
async function changes(place, what) {
  const first = await measured(place);
  assert.ok(first, `${what} shows no values`);
  const deadline = Date.now() + 30_000;
  while ((await measured(place)) === first) {
    assert.ok(Date.now() < deadline, `${what} stands still at ${first}`);
    await page.waitForTimeout(100);
  }
}

test("the printed link makes the owner's account", only, async () => {
  const link = new URL(setup);
  await page.goto(link.pathname + link.hash);
  await page.getByLabel("Your name").waitFor();
  await accessible("set-up");
  await page.getByLabel("Your name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Set up" }).click();
  await page.getByRole("heading", { name: "Fleet" }).waitFor();
});

test("the fleet lives: values change by themselves", only, async () => {
  await row("Camera gimbal").waitFor();
  await row("Greenhouse north").getByText("°C").first().waitFor();
  await changes(page.getByRole("list", { name: "Things" }), "the fleet");
  await accessible("fleet");
});

test("the thing that waits is approved", only, async () => {
  const waiting = page.getByRole("region", { name: "Waiting things" });
  await waiting
    .getByRole("button", { name: /^Approve/ })
    .first()
    .click();
  await waiting.waitFor({ state: "detached" });
  await row("Hallway display").waitFor();
});

test("a CoAP thing confirms its LED, and Commands says done", only, async () => {
  await page.getByRole("link", { name: "Workbench lamp", exact: true }).click();
  const led = widget("LED").getByRole("switch");
  const to = (await led.getAttribute("aria-checked")) === "true" ? "Off" : "On";
  await led.click();
  await widget("LED").getByText("Confirmed by the thing").waitFor();
  await widget("LED").getByText(to, { exact: true }).waitFor();
  await accessible("thing");
  await page.getByRole("link", { name: "Commands" }).click();
  const first = page.getByRole("listitem").filter({ hasText: "LED" }).first();
  await first.getByText("done", { exact: true }).waitFor();
  await first.getByText(name, { exact: true }).waitFor();
  await accessible("commands");
});

test("History draws what was recorded", only, async () => {
  await page.goto("/things/greenhouse-1/history");
  await page.locator(".uplot canvas").first().waitFor();
  const points = await page.evaluate(async () => {
    const to = Date.now() + 1000;
    const span = `from=${to - 600_000}&to=${to}`;
    const res = await fetch(`/api/v2/things/greenhouse-1/readings?resource=temperature&${span}`);
    return (await res.json()).numbers.length;
  });
  assert.ok(points > 0, "no readings");
  await page.waitForFunction(() => {
    const c = document.querySelector(".uplot canvas");
    const { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
    return data.some((v, i) => i % 4 === 3 && v > 0);
  });
  await accessible("history");
});

test("a person is added", only, async () => {
  await page.goto("/people");
  await page.getByRole("button", { name: "Add a person" }).click();
  await page.getByLabel("Name", { exact: true }).fill("grace");
  await page.getByLabel("First password").fill("compile the fleet");
  await page.getByLabel("Role").selectOption("operator");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("row", { name: /grace.*operator/ }).waitFor();
  await accessible("people");
});

test("sign out, and the new person signs in", only, async () => {
  await page.getByRole("button", { name: `You: ${name}` }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await accessible("sign-in");
  await signIn(page, "grace", "compile the fleet");
  await row("Workbench lamp").waitFor();
  await page.getByRole("button", { name: "You: grace" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await signIn(page);
});

test("the console stayed silent", only, () => assert.deepEqual(page.troubles, []));
