// A dashboard apart: the things of another broker under its own name, with nothing to add and nobody to manage.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { dashboard } from "../mock/server.mjs";
import { counts, launch, openPage, real, serve } from "./lib.mjs";

const only = { skip: real ? "counts on the mock's dashboard" : false };
let browser, server, page;
before(async () => {
  browser = await launch();
  if (only.skip) return;
  server = await serve({
    site: { ...dashboard, logo: "/favicon.svg", favicon: "/icon.svg" },
    only: (s) => !s.waiting,
  });
  page = await openPage(browser, server.url);
});
after(async () => {
  await browser.close();
  await server?.close();
});

test("it opens without signing in, under its own name and sign", only, async () => {
  await page.goto("/");
  await page.getByRole("heading", { name: "Fleet" }).waitFor();
  await page.getByRole("link", { name: "Greenhouse lab, to the fleet" }).waitFor();
  await page.waitForFunction(() => document.title === "Fleet · Greenhouse lab");
  assert.equal(await page.locator("header img").getAttribute("src"), "/favicon.svg");
  assert.equal(await page.locator("link[rel=icon]").getAttribute("href"), "/icon.svg");
});

test("its camera is beside the things and can be folded away", only, async () => {
  const camera = page.getByRole("region", { name: "Live camera" });
  await camera.getByText("live", { exact: true }).waitFor();
  await camera.getByRole("button", { name: "Live camera" }).click();
  await page.reload();
  await page.getByRole("heading", { name: "Fleet" }).waitFor();
  await counts(camera.locator("img"), 0);
  await camera.getByRole("button", { name: "Live camera" }).click();
  await camera.locator("img").waitFor();
});

test("it controls things and manages nothing", only, async () => {
  for (const name of ["Add a thing", "Gateways", "People", "System"])
    await counts(page.getByRole("link", { name }), 0, name);
  await counts(page.getByRole("checkbox"), 0);
  const led = page.getByRole("switch", { name: "LED of greenhouse-north" });
  await led.click();
  await page
    .locator("[role=switch][aria-label='LED of greenhouse-north'][aria-checked=true][aria-busy=false]")
    .waitFor();
  for (const path of ["/people", "/system", "/gateways", "/add"]) {
    await page.goto(path);
    await page.getByRole("heading", { name: "There is no page here" }).waitFor();
  }
  await page.goto("/things/ABCDEF012345678");
  await page.getByRole("link", { name: "History" }).waitFor();
  await counts(page.getByRole("link", { name: "Settings" }), 0);
  await page.getByRole("button", { name: /^You/ }).click();
  await page.getByRole("menuitem", { name: "Keyboard shortcuts" }).waitFor();
  await counts(page.getByRole("menuitem", { name: /Sign out|password/ }), 0);
  assert.deepEqual(page.troubles, []);
});

test("with one password there is no name to give", only, async (t) => {
  const locked = await serve({ site: { ...dashboard, signIn: "password", cameraUrl: "" } });
  t.after(() => locked.close());
  const p = await openPage(browser, locked.url);
  await p.goto("/");
  await p.getByLabel("Password").waitFor();
  await counts(p.getByLabel("Name"), 0);
  await p.getByLabel("Password").fill("wrong");
  await p.keyboard.press("Enter");
  await p.getByRole("alert").waitFor();
  await p.getByLabel("Password").fill("correct horse");
  await p.keyboard.press("Enter");
  await p.getByRole("heading", { name: "Fleet" }).waitFor();
  await p.getByRole("button", { name: /^You/ }).click();
  await p.getByRole("menuitem", { name: "Sign out" }).click();
  await p.getByLabel("Password").waitFor();
  await p.context().close();
});
