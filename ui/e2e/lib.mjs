// A browser on a server: ROOST_URL (with ROOST_NAME and ROOST_PASSWORD) or else the mock.
import { chromium } from "playwright-core";
import { startMock } from "../mock/server.mjs";

export const real = process.env.ROOST_URL;
export const name = process.env.ROOST_NAME ?? "ada";
export const password = process.env.ROOST_PASSWORD ?? "correct horse";

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

/** A page that fails the test on console errors and exceptions of the page. */
export async function openPage(browser, url, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    baseURL: url,
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.troubles = [];
  page.on("pageerror", (e) => page.troubles.push(String(e)));
  page.on("console", (m) => {
    // Refusals and a gone server are part of some tests; the page shows them in words.
    if (m.type() === "error" && !/status of 4|ERR_CONNECTION|WebSocket connection/.test(m.text()))
      page.troubles.push(m.text());
  });
  return page;
}

export async function signIn(page, who = name, pass = password) {
  await page.goto("/");
  await page.getByLabel("Name").fill(who);
  await page.getByLabel("Password").fill(pass);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Fleet" }).waitFor();
}

/** The server for one test file: the real one when ROOST_URL is set, else a mock of its own. */
export async function serve(options) {
  if (real) return { url: real, close: async () => {}, mock: null };
  return startMock(options);
}
