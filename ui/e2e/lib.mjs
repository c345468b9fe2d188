// A browser on a server: ROOST_URL (with ROOST_NAME and ROOST_PASSWORD of an owner), or a demo of ROOST_BINARY
// that is set up and ended here, or else the mock.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { startMock } from "../mock/server.mjs";

export const real = process.env.ROOST_URL ?? process.env.ROOST_BINARY;
export const name = process.env.ROOST_NAME ?? "ada";
export const password = process.env.ROOST_PASSWORD ?? "correct horse";

/** How long a test waits for what must come, in ms: a slow machine draws a page in seconds. */
export const patience = 30_000;

export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--no-first-run",
      "--disable-component-update",
      "--disable-sync",
      "--disable-quic",
    ],
  });

/** A page that keeps its console errors and exceptions in `troubles`. Nothing moves on it: a colour half way from one
 * to another would be measured as one that is too weak. */
export async function openPage(browser, url, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    baseURL: url,
    reducedMotion: "reduce",
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  page.troubles = [];
  page.on("pageerror", (e) => page.troubles.push(String(e)));
  page.on("console", (m) => {
    // Refusals and a gone server are part of some tests; the page shows them in words.
    if (m.type() === "error" && !/status of 4|net::ERR_|WebSocket connection/.test(m.text()))
      page.troubles.push(m.text());
  });
  return page;
}

/** Waits until something holds, and gives whether it did. */
async function holds(is) {
  const late = Date.now() + patience;
  while (!(await is())) {
    if (Date.now() > late) return false;
    await new Promise((later) => setTimeout(later, 50));
  }
  return true;
}

/** Waits until something holds, however slow the machine is; what says how it stands. */
export async function until(is, what) {
  if (!(await holds(is))) assert.fail(what());
}

/** Waits until so many are there: a page shows what came of an act a moment after it. */
export async function counts(locator, want, what) {
  await holds(async () => (await locator.count()) === want);
  assert.equal(await locator.count(), want, what);
}

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe finds and how wide the page is, as lines; none when all is well. What is seen only while a page
 * loads is no fault: it is looked at again. `sees` makes lines of axe's results. */
export async function quiet(page, where, sees) {
  await page.evaluate(axe);
  let found;
  for (let look = 0; look < 5; look++) {
    if (look > 0) await page.waitForTimeout(1000);
    const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    found = violations.flatMap(sees);
    if (wide > page.viewportSize().width) found.push(`it is ${wide} px wide`);
    if (found.length === 0) return;
  }
  assert.deepEqual(found, [], where);
}

/** For quiet: what is serious. */
export const serious = (v) =>
  v.impact === "serious" || v.impact === "critical"
    ? [`${v.id}: ${v.nodes.map((n) => n.target.join(" ") + " " + (n.any[0]?.message ?? "")).join("; ")}`]
    : [];

/** The page, light and dark, wide and narrow: axe finds nothing, and nothing is wider than the window. Pictures go to SHOTS. */
export async function accessible(page, where) {
  for (const colorScheme of ["light", "dark"])
    for (const width of [1440, 390]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await quiet(page, where, (v) => [v.id + ": " + v.nodes.map((n) => n.html).join("; ")]);
      const path = `${process.env.SHOTS}/${where}-${colorScheme}-${width}.png`;
      if (process.env.SHOTS) await page.screenshot({ path, fullPage: true });
    }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1440, height: 900 });
}

export async function signIn(page, who = name, pass = password) {
  await page.goto("/");
  await page.getByLabel("Name").fill(who);
  await page.getByLabel("Password").fill(pass);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Fleet" }).waitFor();
}

/** The server for one test file. */
export async function serve(options = {}) {
  if (process.env.ROOST_URL) return { url: process.env.ROOST_URL, close: async () => {}, mock: null };
  if (process.env.ROOST_BINARY) return startDemo(options);
  return startMock(options);
}

/** A demo of the real program on free ports; set up unless the test wants to do that itself. */
export async function startDemo({ setup = false } = {}) {
  const data = await mkdtemp(join(tmpdir(), "roost-e2e-"));
  const args = [
    "demo",
    "--data",
    join(data, "data"),
    "--http",
    "127.0.0.1:0",
    "--coap",
    "127.0.0.1:0",
    "--mqtt",
    "127.0.0.1:0",
    "--mqttsn",
    "127.0.0.1:0",
  ];
  const child = spawn(process.env.ROOST_BINARY, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((done) => child.once("exit", done));
  const link = await new Promise((found, lost) => {
    let text = "";
    const late = setTimeout(() => {
      child.kill("SIGKILL");
      lost(new Error("the demo is not ready after 4 minutes: " + text));
    }, 240_000);
    child.stdout.on("data", (b) => {
      text += b;
      const m = /(http:\/\/\S+\/setup#\S+)/.exec(text);
      if (!m) return;
      clearTimeout(late);
      found(new URL(m[1]));
    });
    child.once("exit", () => {
      clearTimeout(late);
      lost(new Error("the demo ended: " + text));
    });
  });
  if (!setup) {
    const body = JSON.stringify({ token: link.hash.slice(1), name, password });
    const headers = { "Content-Type": "application/json" };
    const res = await fetch(link.origin + "/api/v2/setup", { method: "POST", headers, body });
    if (!res.ok) throw new Error("set-up: " + (await res.text()));
    await new Promise((done) => setTimeout(done, 6000)); // the fleet moves in
  }
  return {
    url: link.origin,
    link,
    mock: null,
    close: async () => {
      child.kill("SIGTERM");
      let hangs = false;
      const late = setTimeout(() => (hangs = child.kill("SIGKILL")), 120_000);
      await ended;
      clearTimeout(late);
      await rm(data, { recursive: true, force: true });
      assert.ok(!hangs, "SIGTERM does not end the demo");
    },
  };
}
