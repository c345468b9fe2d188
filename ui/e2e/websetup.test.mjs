// The web set-up page against a device in set-up mode, as PythingsOS answers there.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { SetupDevice } from "../mock/setupdevice.mjs";
import { counts, launch, openPage, password, name, real, serve } from "./lib.mjs";

let browser, server;
const devices = [];
before(async () => {
  browser = await launch();
  server = await serve({});
});
after(async () => {
  await browser.close();
  for (const d of devices) await d.stop();
  await server.close();
});
async function device(more) {
  const d = await new SetupDevice(more).start();
  devices.push(d);
  return d;
}
const at = (d, more = "") => `/websetup/?device=${encodeURIComponent(d.url)}${more}`;
const part = (page, label) => page.getByRole("region", { name: label, exact: true });

test("P01: check fills the page, and pulling the plug empties it", async () => {
  const d = await device({
    aid: "3a5f0c9e-0000-4000-8000-000000000001",
    essid: "HomeNet",
    password: "secret",
  });
  const page = await openPage(browser, server.url);
  await page.goto(at(d));
  await part(page, "Device").getByText("5ECF7F0A1B2C").waitFor();
  await part(page, "Device").getByText("esp32").waitFor();
  await part(page, "App").getByText("3a5f0c9e-0000-4000-8000-000000000001").waitFor();
  await part(page, "Wi-Fi").getByText("stored: HomeNet").waitFor();
  await part(page, "Wi-Fi").getByRole("button", { name: "Check what is stored" }).click();
  await part(page, "Wi-Fi").getByText("joined HomeNet").waitFor();
  await d.stop();
  await part(page, "Not connected").waitFor({ timeout: 20_000 });
  await counts(page.getByText("5ECF7F0A1B2C"), 0, "the fields are empty again");
  assert.deepEqual(page.troubles, []);
  await page.context().close();
});

test("P02: names and passwords with space, plus, percent and ampersand arrive whole", async () => {
  const d = await device();
  const page = await openPage(browser, server.url);
  await page.goto(at(d));
  await part(page, "Wi-Fi").getByRole("button", { name: "Scan" }).click();
  const list = page.getByRole("list", { name: "Networks in reach" });
  await list.getByRole("button").first().waitFor();
  await counts(list.getByRole("button"), 3, "each name once, hidden ones left out");
  assert.match(await list.getByRole("button").first().innerText(), /HomeNet[\s\S]*-55/);
  await list.getByRole("button", { name: /Cafe \+ Bar/ }).click();
  await page.getByLabel("Password").fill("wrong");
  await page.getByRole("button", { name: "Join" }).click();
  await page.getByRole("alert").getByText("could not join Cafe + Bar").waitFor();
  await page.getByLabel("Password").fill("50% off & more");
  await page.getByRole("button", { name: "Join" }).click();
  await part(page, "Wi-Fi").getByText("joined Cafe + Bar").waitFor();
  assert.equal(d.essid, "Cafe + Bar");
  assert.equal(d.password, "50% off & more");
  assert.ok(d.requests.includes("/?cmd=join&essid=Cafe%20%2B%20Bar&password=50%25%20off%20%26%20more"));
  await page.getByRole("textbox", { name: "Network" }).fill("Café");
  await page.getByText("plain letters, digits and signs only").waitFor();
  await page.context().close();
});

test("P03: the APN is asked for on boards with a modem only", async () => {
  const d = await device({ platform: "esp32_sim800" });
  const page = await openPage(browser, server.url);
  await page.goto(at(d));
  await part(page, "Cellular network").getByLabel("APN").fill("internet.example");
  await part(page, "Cellular network").getByRole("button", { name: "Set" }).click();
  await part(page, "Cellular network").getByText("APN internet.example").waitFor();
  assert.equal(d.apn, "internet.example");
  const plain = await device();
  await page.goto(at(plain));
  await part(page, "Device").waitFor();
  await counts(part(page, "Cellular network"), 0);
  await page.context().close();
});

test("P04: whose it is, then close: the device starts", async () => {
  const d = await device({ essid: "HomeNet", password: "secret" });
  const page = await openPage(browser, server.url);
  await page.goto(at(d));
  await part(page, "App").getByLabel("App id or account id").fill("Zk3v8QpLx0aYt7RnW2cB5d");
  await part(page, "App").getByRole("button", { name: "Set", exact: true }).click();
  await part(page, "App").getByText("Zk3v8QpLx0aYt7RnW2cB5d").waitFor();
  assert.equal(d.aid, "Zk3v8QpLx0aYt7RnW2cB5d");
  await page.getByRole("button", { name: "Close", exact: true }).click();
  await page.getByRole("heading", { name: "The device starts now" }).waitFor();
  assert.equal(d.open, false);
  const asked = d.requests.length;
  await page.waitForTimeout(4500);
  assert.equal(d.requests.length, asked, "nothing is asked any more");
  await page.context().close();
});

test("who is signed in picks account or app with one click", { skip: real }, async () => {
  const d = await device();
  const page = await openPage(browser, server.url);
  const body = JSON.stringify({ name, password });
  await page.goto("/");
  await page.evaluate(
    (b) =>
      fetch("/api/v2/session", { method: "POST", headers: { "Content-Type": "application/json" }, body: b }),
    body,
  );
  await page.goto(at(d));
  const list = page.getByRole("list", { name: "Your account and apps" });
  await list
    .getByRole("listitem")
    .filter({ hasText: "Light on the bench" })
    .getByRole("button", { name: "Use" })
    .click();
  await part(page, "App").getByRole("status").getByText("Light on the bench").waitFor();
  assert.equal(d.aid, [...server.mock.apps.list.keys()][0]);
  await page.context().close();
});

test("a maker's page: its own app, which nobody edits", async () => {
  const d = await device();
  const page = await openPage(browser, server.url);
  await page.goto(at(d, "&aid=3a5f0c9e-0000-4000-8000-000000000002&title=Sunny%20%3Cb%3EPot&logo=/icon.svg"));
  await page.getByRole("heading", { name: "Set up your Sunny <b>Pot" }).waitFor();
  assert.equal(await page.locator("header img").getAttribute("src"), server.url + "/icon.svg");
  assert.equal(await page.getByLabel("App id").getAttribute("readonly"), "");
  await page.getByRole("button", { name: "Link it" }).click();
  await part(page, "App").getByText("linked", { exact: true }).waitFor();
  assert.equal(d.aid, "3a5f0c9e-0000-4000-8000-000000000002");
  await page.context().close();
});

test("it goes on from memory when the server is gone", async () => {
  const d = await device();
  const page = await openPage(browser, server.url);
  await page.goto(at(d));
  await part(page, "Device").waitFor();
  await page.route(server.url + "/**", (r) => r.abort());
  await page.getByRole("button", { name: "Scan" }).click();
  await page
    .getByRole("list", { name: "Networks in reach" })
    .getByRole("button", { name: /HomeNet/ })
    .click();
  await page.getByLabel("Password").fill("secret");
  await page.getByRole("button", { name: "Join" }).click();
  await part(page, "Wi-Fi").getByText("joined HomeNet").waitFor();
  await page.context().close();
});
