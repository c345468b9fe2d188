// Every page, light and dark: nothing serious for axe, nothing wider than a phone.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage, quiet, serious, serve, signIn } from "./lib.mjs";

let browser, server;
before(async () => {
  browser = await launch();
  server = await serve({});
});
after(async () => {
  await browser.close();
  await server.close();
});

async function check(page, where) {
  await page.waitForTimeout(400); // it shows what it has fetched
  await quiet(page, where, serious);
}

for (const colorScheme of ["light", "dark"])
  for (const viewport of [
    { width: 1440, height: 900 },
    { width: 390, height: 844 },
  ])
    test(`${colorScheme}, ${viewport.width} px`, async () => {
      const page = await openPage(browser, server.url, {
        colorScheme,
        viewport,
        isMobile: viewport.width < 500,
      });
      await page.goto("/");
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      await check(page, "sign-in");
      await signIn(page);
      await page.locator("[data-index]").first().waitFor();
      await check(page, "fleet");
      await page.getByRole("button", { name: "Cards" }).click();
      await check(page, "cards");
      await page.getByRole("button", { name: "Table" }).click();
      const things = await page.evaluate(() => fetch("/api/v2/things").then((r) => r.json()));
      const all = things.things.filter((t) => t.state === "enrolled");
      const enrolled = [...all.slice(0, 9), ...all.filter((t) => t.protocol === "PythingsOS").slice(0, 1)];
      for (const t of enrolled) {
        await page.goto("/things/" + encodeURIComponent(t.id));
        await page.locator("article").first().waitFor();
        await check(page, t.name);
      }
      const one = "/things/" + encodeURIComponent(enrolled[0].id);
      for (const path of [
        one + "/history",
        one + "/commands",
        one + "/settings",
        "/add",
        "/add/board",
        "/add/coap",
        "/add/websocket",
        "/add/mqtt",
        "/add/mqttsn",
        "/add/pythingsos",
        "/add/gateway",
        "/add/simulated",
        "/gateways",
        "/people",
        "/system",
        "/system/shelf",
        "/system/firmware",
        "/account",
        "/nowhere",
      ]) {
        await page.goto(path);
        await page.getByRole("heading", { level: 1 }).waitFor();
        await check(page, path);
      }
      const takesApps = enrolled.find((t) => t.protocol === "PythingsOS");
      if (takesApps)
        for (const tab of ["messages", "shell", "software", "log"]) {
          await page.goto(`/things/${encodeURIComponent(takesApps.id)}/${tab}`);
          await page.getByRole("heading", { level: 1 }).waitFor();
          await check(page, tab);
        }
      await page.goto("/websetup/?device=http://127.0.0.1:1");
      await page.getByRole("heading", { level: 1 }).waitFor();
      await check(page, "web set-up");
      const waiting = things.things.find((t) => t.state === "waiting");
      if (waiting) {
        await page.goto("/things/" + encodeURIComponent(waiting.id));
        await page.getByRole("heading", { level: 1 }).waitFor();
        await check(page, "waiting thing");
      }
      await page.goto("/");
      const map = page.getByRole("button", { name: "Map" });
      await page.locator("[data-index]").first().waitFor();
      if (await map.isVisible()) {
        await map.click();
        await page.locator(".leaflet-container").waitFor();
        await check(page, "map");
        await page.getByRole("button", { name: "Table" }).click();
      }
      await page.goto("/people");
      await page.getByRole("button", { name: "Add a person" }).click();
      await check(page, "dialog");
      await page.keyboard.press("Escape");
      await page.locator("body").press("/");
      await page.getByRole("combobox", { name: "Search" }).waitFor();
      await check(page, "palette");
      assert.deepEqual(page.troubles, []);
      await page.context().close();
    });
