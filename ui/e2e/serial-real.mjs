// A blank board becomes one of ours in the browser: the real MicroPython at the port, the real program as the server.
// Needs ROOST_BINARY, built with -tags ui,vm; SERIALBOARD, or Go to build it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, openPage, signIn, startDemo } from "./lib.mjs";
import { plugIn } from "./port.mjs";
import { RealBoard } from "./serialboard.mjs";

const only = { skip: process.env.ROOST_BINARY ? false : "needs ROOST_BINARY" };
let browser, demo, board, page;
before(async () => {
  if (only.skip) return;
  browser = await launch();
  demo = await startDemo();
  board = new RealBoard();
  page = await openPage(browser, demo.url);
  page.setDefaultTimeout(60_000);
  await plugIn(page, board);
  await signIn(page);
});
after(async () => {
  await browser?.close();
  await board?.close();
  await demo?.close();
});

test("a blank board is installed over its cable and calls", only, async () => {
  await page.goto("/add/board");
  await page.getByRole("button", { name: "Choose the port…" }).click();
  await page.getByText(/^MicroPython 1\.\d+\.\d+ is on it\.$/).waitFor();
  await page.getByText("nothing of Roost’s").waitFor();
  await page.getByLabel("Name").fill("Bench");
  await page.getByLabel("Wi-Fi network").fill("lab");
  await page.getByLabel("Its password").fill("12345678");
  await page.getByLabel(/This server, as the board/).fill(demo.url);
  await page.getByRole("button", { name: "Install" }).click();
  try {
    await page.getByText("Heard from Bench").waitFor({ timeout: 240_000 });
  } catch (err) {
    console.error("the board said:", board.said.slice(-3000));
    throw err;
  }
  await page.getByRole("log").getByText("lab").first().waitFor();
  await page.getByRole("link", { name: "Bench" }).first().click();
  await page.getByRole("heading", { name: "Bench" }).waitFor();
  assert.deepEqual(page.troubles, []);
});

test("it is known again, told another network, and comes back as it was", only, async () => {
  await page.goto("/add/board");
  await page.getByRole("button", { name: "Choose the port…" }).click();
  await page.getByText(/Roost’s runtime \d+\.\d+\.\d+, as /).waitFor();
  await page.getByRole("button", { name: "Only Wi-Fi and server" }).click();
  assert.equal(await page.getByLabel(/This server, as the board/).inputValue(), demo.url);
  await page.getByLabel("Wi-Fi network").fill("next door");
  await page.getByLabel("Its password").fill("87654321");
  await page.getByRole("button", { name: "Write it" }).click();
  await page.getByText("Heard from Bench").waitFor({ timeout: 240_000 });
  assert.deepEqual(page.troubles, []);
});

test("an ESP8266 gets the runtime into its partition, runs it from there, and calls", only, async () => {
  const small = new RealBoard("esp8266");
  const page = await openPage(browser, demo.url);
  page.setDefaultTimeout(60_000);
  try {
    await plugIn(page, small);
    await signIn(page);
    await page.goto("/add/board");
    await page.getByRole("button", { name: "Choose the port…" }).click();
    await page.getByText("ESP module with ESP8266").waitFor();
    await page.getByText("from which the runtime runs").waitFor();
    await page.getByLabel("Name").fill("Plug");
    await page.getByLabel("Wi-Fi network").fill("lab");
    await page.getByLabel("Its password").fill("12345678");
    await page.getByLabel(/This server, as the board/).fill(demo.url);
    await page.getByRole("button", { name: "Install" }).click();
    await page.getByText("Heard from Plug").waitFor({ timeout: 240_000 });
    // Again while it runs out of what is written: with its watchdog, and with no heap to spare.
    await page.goto("/add/board");
    await page.getByRole("button", { name: "Choose the port…" }).click();
    await page.getByText(/Roost’s runtime \d+\.\d+\.\d+, as /).waitFor({ timeout: 120_000 });
    await page.getByText("it stays Plug").waitFor();
    await page.getByRole("button", { name: "Write the runtime anew" }).click();
    await page.getByText("Heard from Plug").waitFor({ timeout: 240_000 });
    assert.deepEqual(page.troubles, []);
  } catch (err) {
    console.error("the board said:", small.said.slice(-3000));
    throw err;
  } finally {
    await page.context().close();
    await small.close();
  }
});
