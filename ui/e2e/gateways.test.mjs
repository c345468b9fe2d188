// Far gateways and their keys, and the credentials of things.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { counts, launch, openPage, real, serve, signIn, until } from "./lib.mjs";

const only = { skip: real ? "counts on the mock's gateways" : false };
let browser, server, page;
before(async () => {
  browser = await launch();
  server = await serve({});
  page = await openPage(browser, server.url, { acceptDownloads: true });
  await signIn(page);
});
after(async () => {
  await browser.close();
  await server.close();
});
const row = (name) =>
  page.getByRole("list", { name: "Gateways" }).getByRole("listitem").filter({ hasText: name });

test("the page tells who is connected, how late they are and what they hold back", only, async () => {
  await page.getByRole("link", { name: "Gateways" }).click();
  await page.getByText("4 gateways").waitFor();
  await row("roof").getByText("connected since").waitFor();
  await row("roof").getByText("42 ms").waitFor();
  await row("roof").getByText("listens for CoAP, MQTT, MQTT-SN").waitFor();
  await row("second site").getByText("1204 entries").waitFor();
  await row("second site").getByText("connection reset by peer").waitFor();
  await row("old barn").getByText("has not come yet").waitFor();
});

test("what changes there shows by itself", only, async () => {
  const barn = server.mock.gateways.list.find((g) => g.name === "old barn");
  Object.assign(barn, { connected: true, kind: "roost", since: Date.now(), remote: "192.0.2.9:1", lag: 12 });
  await row("old barn").getByText("connected since").waitFor();
});

test("the key of the key file cannot be revoked here, and says why", only, async () => {
  await row("coap@pi").getByText("cannot be revoked here").waitFor();
  await counts(row("coap@pi").getByRole("button"), 0);
});

test("its things are a link to the fleet, and a thing links back", only, async () => {
  await row("roof").getByRole("link", { name: "1" }).click();
  await page.getByRole("link", { name: "roof station" }).waitFor();
  await counts(page.getByRole("list", { name: "Things" }).getByRole("listitem"), 1);
  const chosen = () => page.getByLabel("Gateway", { exact: true }).inputValue();
  await until(
    async () => (await chosen()) === "roof",
    () => "another gateway is chosen",
  );
  await page.getByRole("link", { name: "roof station" }).click();
  await page.getByRole("main").getByRole("link", { name: "roof", exact: true }).first().click();
  await row("roof").getByText("connected since").waitFor();
  assert.equal(new URL(page.url()).pathname, "/gateways");
});

test("a key is made, shown once, downloaded, and says both ways to start", only, async () => {
  await page.getByRole("button", { name: "Make a key" }).click();
  await page.getByLabel("What is the gateway called?").fill("roof");
  await page.getByRole("button", { name: "Make it" }).click();
  await page.getByText("There is a gateway called roof already.").waitFor();
  await page.getByLabel("What is the gateway called?").fill("wood shed");
  await page.getByRole("button", { name: "Make it" }).click();
  const dialog = page.getByRole("dialog", { name: "The key of wood shed" });
  const text = await dialog.locator("pre").first().innerText();
  assert.match(text, /^\[keys\]\nsecret = \S{32}\nprivate = \S{44}\n?$/);
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    dialog.getByRole("button", { name: "Download wood-shed.keys" }).click(),
  ]);
  assert.equal(file.suggestedFilename(), "wood-shed.keys");
  assert.equal(await readFile(await file.path(), "utf8"), text.trimEnd() + "\n");
  await dialog.getByText("roost gateway --hub ws://roost.local:8080 --key-file wood-shed.keys").waitFor();
  await dialog.getByRole("button", { name: "Pyaiot" }).click();
  await dialog.getByText("aiot-coap-gateway --broker-host=").waitFor();
  await dialog.getByRole("button", { name: "Done" }).click();
  await row("wood shed").getByText("has not come yet").waitFor();
});

test("revoking asks for the name", only, async () => {
  await row("wood shed").getByRole("button", { name: "Revoke the key of wood shed" }).click();
  const go = page.getByRole("button", { name: "Revoke", exact: true });
  assert.equal(await go.isDisabled(), true);
  await page.getByLabel("to go on").fill("wood shed");
  await go.click();
  await page.getByText("Key revoked").waitFor();
  await row("wood shed").waitFor({ state: "detached" });
});

test("without any, the page says the next step", only, async (t) => {
  const bare = await serve({ empty: true });
  t.after(() => bare.close());
  const p = await openPage(browser, bare.url);
  await signIn(p);
  await p.goto("/gateways");
  await p.getByRole("heading", { name: "No gateway yet" }).waitFor();
  await p.getByRole("button", { name: "Make a key" }).click();
  await p.getByRole("dialog", { name: "Make a key" }).waitFor();
  assert.deepEqual(p.troubles, []);
  await p.context().close();
});

test("a viewer sees gateways and makes no keys", only, async () => {
  const viewer = await openPage(browser, server.url);
  await signIn(viewer, "vic", "viewer viewer");
  await viewer.goto("/gateways");
  await viewer.getByText("42 ms").waitFor();
  await counts(viewer.getByRole("button", { name: /key/ }), 0);
  await viewer.context().close();
});

test("a thing's credential: when it was used, revoked, made anew", only, async () => {
  await page.goto("/things/studio/settings");
  await page.getByText("Last used").waitFor();
  await page.getByRole("button", { name: "Revoke…" }).click();
  await page.getByLabel("to go on").fill("studio");
  await page.getByRole("button", { name: "Revoke", exact: true }).click();
  await page.getByRole("button", { name: "Make a credential" }).click();
  const dialog = page.getByRole("dialog", { name: "The credential of studio light" });
  await dialog.getByText(/mosquitto_pub .* -u studio -P \S{24} /).waitFor();
  await dialog.getByRole("button", { name: "Done" }).click();
  await page.getByText("never", { exact: true }).waitFor();
  assert.equal(server.mock.gateways.credentials.length, 1);
});

test("an MQTT device is added with a credential that the examples carry", only, async () => {
  await page.goto("/add");
  await page.getByRole("link", { name: /MQTT device/ }).click();
  await page.getByLabel("Its id").fill("a/b");
  await page.getByText("An id has no slash").waitFor();
  await page.getByLabel("Its id").fill("porch");
  await page.getByRole("button", { name: "Make a credential" }).click();
  await page.getByText("This is the only time the password is shown.").waitFor();
  const { own } = server.mock.gateways.credentials.at(-1);
  assert.equal(own, "porch");
  await page.getByText(/mosquitto_pub .* -u porch -P \S{24} /).waitFor();
  await page.getByText(/MQTTClient\(ID, .*password="\S{24}"/).waitFor();
  await page.getByText("Waiting for it to call…").waitFor();
  const t = server.mock.addThing({ id: "porch", protocol: "MQTT", resources: {} });
  t.first = Date.now();
  server.mock.changed(t);
  await page.getByText("Heard from").waitFor();
});

test("MQTT-SN and MQTT things can be simulated", only, async () => {
  await page.goto("/add/simulated");
  await page.getByRole("button", { name: "Start an MQTT-SN node" }).click();
  await page.getByText(/sim-mqttsn-/).waitFor();
  await page.getByRole("button", { name: "Start an MQTT device" }).click();
  await page.getByText(/sim-mqtt-/).waitFor();
});

test("no trouble in the console", () => assert.deepEqual(page.troubles, []));
