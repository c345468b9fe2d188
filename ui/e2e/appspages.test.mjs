// The pages of apps for everybody: empty, read only, by screen reader, on a phone.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { counts, launch, openPage, real, serve, signIn } from "./lib.mjs";

const only = { skip: real ? "counts on the mock's apps" : false };
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let browser, server;
before(async () => {
  if (only.skip) return;
  browser = await launch();
  server = await serve({});
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const app = () => [...server.mock.apps.list.values()][0];
const at = (tab = "") => `/apps/${app().id}${tab}`;
const code = (p) => p.locator(".cm-content").first();
async function open(path, p) {
  await p.goto(path);
  await code(p).waitFor();
}

test("without any app the page says the next step", only, async (t) => {
  const bare = await serve({ empty: true });
  t.after(() => bare.close());
  const p = await openPage(browser, bare.url);
  await signIn(p);
  await p.goto("/apps");
  await p.getByRole("heading", { name: "No app yet" }).waitFor();
  await p.getByRole("link", { name: "Make the first one" }).click();
  await p.getByRole("heading", { name: "New app" }).waitFor();
  assert.deepEqual(p.troubles, []);
  await p.context().close();
});

test("a viewer reads code and history, and changes nothing", only, async () => {
  const viewer = await openPage(browser, server.url);
  await signIn(viewer, "vic", "viewer viewer");
  await open(at(), viewer);
  assert.equal(await code(viewer).getAttribute("contenteditable"), "false");
  await counts(viewer.getByRole("button", { name: "Commit and ship" }), 0);
  await viewer.goto(at("/settings"));
  assert.equal(await viewer.getByLabel("Worker interval").isDisabled(), true);
  await counts(viewer.getByRole("button", { name: "Save" }), 0);
  assert.deepEqual(viewer.troubles, []);
  await viewer.context().close();
});

for (const colorScheme of ["light", "dark"])
  for (const viewport of [
    { width: 1440, height: 900 },
    { width: 390, height: 844 },
  ])
    test(`accessible and no wider than the window: ${colorScheme}, ${viewport.width} px`, only, async () => {
      const narrow = viewport.width < 500;
      const p = await openPage(browser, server.url, { colorScheme, viewport, isMobile: narrow });
      await signIn(p);
      for (const path of ["/apps", "/apps/new", at(), at("/history"), at("/things"), at("/settings")]) {
        await p.goto(path);
        await p.getByRole("heading", { level: 1 }).waitFor();
        if (path === at()) await code(p).waitFor();
        await clean(p, path);
      }
      await p.goto(at("/history?commit=" + app().commits[2].id));
      await code(p).waitFor();
      await clean(p, "a diff");
      await open(at(), p);
      await code(p).click();
      await p.keyboard.press("Control+End");
      await p.keyboard.insertText("\ndef broken(\n");
      await p.getByRole("region", { name: "Problems" }).getByText("1 problem").waitFor();
      await clean(p, "problems");
      if (narrow)
        for (const pane of ["Files", "Run"]) {
          await p
            .getByRole("group", { name: "Part of the editor" })
            .getByRole("button", { name: pane })
            .click();
          await clean(p, pane);
        }
      assert.deepEqual(p.troubles, []);
      await p.context().close();
    });

/** Nothing serious for axe, and no sideways scroll. */
async function clean(p, where) {
  await p.evaluate(() => Promise.allSettled(document.getAnimations().map((a) => a.finished)));
  await p.evaluate(axe);
  const found = await p.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return violations
      .filter((v) => v.impact === "serious" || v.impact === "critical")
      .map(
        (v) =>
          `${v.id}: ${v.nodes.map((n) => n.target.join(" ") + " " + (n.any[0]?.message ?? "")).join("; ")}`,
      );
  });
  assert.deepEqual(found, [], where);
  const wide = await p.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= p.viewportSize().width, `${where} is ${wide} px wide`);
}
