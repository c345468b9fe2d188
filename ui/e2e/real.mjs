// The whole way on the real program: from the printed link to a thing that does what it is told. Needs ROOST_BINARY.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, openPage, patience, startDemo } from "./lib.mjs";

const only = { skip: process.env.ROOST_BINARY ? false : "needs ROOST_BINARY" };
let browser, demo, page;
before(async () => {
  if (only.skip) return;
  browser = await launch();
  demo = await startDemo({ setup: true });
  page = await openPage(browser, demo.url);
});
after(async () => {
  await browser?.close();
  await demo?.close();
});
const row = (name) => page.locator("li", { has: page.getByRole("link", { name, exact: true }) });
const widget = (name) => page.getByRole("article", { name, exact: true });

test("set up by the printed link", only, async () => {
  await page.goto(demo.link.pathname + demo.link.hash);
  await page.getByLabel("Your name").fill("ada");
  await page.getByLabel("Password").fill("short");
  await page.getByRole("button", { name: "Set up" }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Set up" }).click();
  await page.getByRole("heading", { name: "Fleet" }).waitFor();
});

test("things move in by themselves; the one that waits is approved", only, async () => {
  await page.getByRole("region", { name: "Waiting things" }).waitFor();
  await row("Workbench lamp").waitFor();
  await page
    .getByRole("region", { name: "Waiting things" })
    .getByRole("button", { name: /^Approve/ })
    .first()
    .click();
  await page.getByRole("region", { name: "Waiting things" }).waitFor({ state: "detached" });
});

for (const name of ["Workbench lamp", "Window box"])
  test(`${name} confirms its switch`, only, async () => {
    const led = row(name).getByRole("switch");
    const to = (await led.getAttribute("aria-checked")) === "true" ? "false" : "true";
    await led.click();
    await row(name).locator(`[role=switch][aria-busy=false][aria-checked=${to}]`).waitFor();
  });

test("a thing has widgets, history, commands and settings", only, async () => {
  await page.getByRole("link", { name: "Greenhouse north", exact: true }).click();
  await widget("Temperature").getByText("°C").waitFor();
  await widget("Position").getByRole("link", { name: "Open map" }).waitFor();
  await page.getByRole("link", { name: "History" }).click();
  await page.locator(".uplot").nth(2).waitFor();
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByLabel("Name", { exact: true }).fill("North house");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "North house" }).waitFor();
  await page.getByLabel("Tags").fill("glass");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("link", { name: "glass" }).waitFor();
});

test("a command that nobody takes is refused in words", only, async () => {
  await page.goto("/things/greenhouse-1/commands");
  await page.getByLabel("Resource").fill("temperature");
  await page.getByLabel("Value").fill("5");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.getByRole("button", { name: "Retry" }).waitFor();
});

test("a robot does what the pad says", only, async () => {
  await page.goto("/things/rover-1");
  await widget("Robot").getByRole("button", { name: "Forward" }).click();
  await widget("Robot").getByText("Confirmed by the thing").waitFor();
});

test("a token is shown once and opens the API", only, async () => {
  await page.goto("/people");
  await page.getByRole("button", { name: "Make a token" }).click();
  await page.getByLabel("What is it for?").fill("test");
  await page.getByRole("button", { name: "Make it" }).click();
  const token = await page.locator("dialog pre").innerText();
  const res = await fetch(demo.url + "/api/v2/things", { headers: { Authorization: "Bearer " + token } });
  assert.equal(res.status, 200);
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("cell", { name: "test", exact: true }).waitFor();
});

test("a person is added, changed and removed; the last owner stays", only, async () => {
  await page.getByRole("button", { name: "Add a person" }).click();
  await page.getByLabel("Name", { exact: true }).fill("vic");
  await page.getByLabel("First password").fill("viewer viewer");
  await page.getByLabel("Role").selectOption("viewer");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("button", { name: "Acts for vic" }).click();
  await page.getByRole("menuitemradio", { name: "Operator" }).click();
  await page.getByRole("row", { name: /vic.*operator/ }).waitFor();
  await page.getByRole("button", { name: "Acts for ada" }).click();
  await page.getByRole("menuitemradio", { name: "Viewer" }).click();
  await page.locator(".toast.bad").waitFor();
  await page.getByRole("button", { name: "Acts for vic" }).click();
  await page.getByRole("menuitem", { name: "Remove" }).click();
  await page.getByLabel("to go on").fill("vic");
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await page.getByRole("row", { name: /vic/ }).waitFor({ state: "detached" });
});

test("a simulated thing comes over the real protocol", only, async () => {
  await page.goto("/add/simulated");
  await page.getByRole("button", { name: "Start a WebSocket node" }).click();
  await page.getByText("Heard from").waitFor();
});

/** Says something to the MQTT door once, as a small board would (MQTT 3.1.1, QoS 1). */
async function publish({ port, id, password, topic, text }) {
  const string = (s) => Buffer.concat([Buffer.from([0, Buffer.byteLength(s)]), Buffer.from(s)]);
  const packet = (type, body) => Buffer.concat([Buffer.from([type, body.length]), body]); // below 128 bytes
  const hello = Buffer.concat([string("MQTT"), Buffer.from([4, 0xc2, 0, 60])]);
  const socket = connect(port, "127.0.0.1");
  try {
    const answer = async () => (await once(socket, "data", { signal: AbortSignal.timeout(patience) }))[0];
    socket.write(packet(0x10, Buffer.concat([hello, string(id), string(id), string(password)])));
    const connack = await answer();
    if (connack[3] !== 0) return connack[3];
    socket.write(packet(0x32, Buffer.concat([string(topic), Buffer.from([0, 1]), Buffer.from(text)])));
    assert.equal((await answer())[0], 0x40, "PUBACK");
    return 0;
  } finally {
    socket.destroy();
  }
}

test(
  "an MQTT device with a credential made here is let in at once, and nobody else by its id",
  only,
  async () => {
    await page.goto("/add/mqtt");
    await page.getByLabel("Its id").fill("porch-1");
    await page.getByRole("button", { name: "Make a credential" }).click();
    await page.getByText("This is the only time the password is shown.").waitFor();
    const example = await page.getByText(/^mosquitto_pub /).innerText();
    const [, port, password] = /-p (\d+) -i porch-1 -u porch-1 -P (\S+) /.exec(example);
    const said = {
      port: Number(port),
      id: "porch-1",
      topic: "roost/porch-1/readings",
      text: '{"temperature":"21.5°C"}',
    };
    assert.notEqual(await publish({ ...said, password: "wrong" }), 0);
    assert.equal(await publish({ ...said, password }), 0);
    await page.getByText("Heard from porch-1").waitFor();
    await page.goto("/things/porch-1");
    await widget("Temperature").getByText("21.5").waitFor();
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByText("Last used").waitFor();
  },
);

test("a gateway comes with the key that was made for it, and goes when it is revoked", only, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "roost-gateway-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await page.goto("/gateways");
  await page.getByRole("button", { name: "Make a key" }).click();
  await page.getByLabel("What is the gateway called?").fill("shed");
  await page.getByRole("button", { name: "Make it" }).click();
  const dialog = page.getByRole("dialog", { name: "The key of shed" });
  const keys = join(folder, "shed.keys");
  await writeFile(keys, await dialog.locator("pre").first().innerText(), { mode: 0o600 });
  assert.match(
    await dialog.locator("pre").last().innerText(),
    /^roost gateway --hub ws:.* --key-file shed\.keys/,
  );
  await dialog.getByRole("button", { name: "Done" }).click();
  const row = page.getByRole("list", { name: "Gateways" }).getByRole("listitem").filter({ hasText: "shed" });
  await row.getByText("has not come yet").waitFor();

  const own = ["--data", join(folder, "data"), "--doors", "coap", "--coap", "127.0.0.1:0"];
  const args = ["gateway", "--hub", demo.url.replace("http", "ws"), "--key-file", keys, ...own];
  const child = spawn(process.env.ROOST_BINARY, args, { stdio: "ignore" });
  const ended = new Promise((done) => child.once("exit", done));
  t.after(async () => {
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), 120_000);
    await ended;
    clearTimeout(late);
  });
  await row.getByText("connected since").waitFor();
  await row.getByText("listens for CoAP").waitFor();
  await row.getByText("empty").waitFor();
  await row.getByRole("button", { name: "Revoke the key of shed" }).click();
  await page.getByLabel("to go on").fill("shed");
  await page.getByRole("button", { name: "Revoke", exact: true }).click();
  await row.waitFor({ state: "detached" });
});

test("how a resource is shown is kept by the server", only, async () => {
  await page.goto("/things/greenhouse-1");
  await page.getByRole("button", { name: "More for Temperature" }).click();
  await page.getByRole("menuitemradio", { name: "Gauge" }).click();
  await widget("Temperature")
    .getByRole("img", { name: /^Temperature / })
    .waitFor();
  await page.waitForFunction(() =>
    fetch("/api/v2/things/greenhouse-1")
      .then((r) => r.json())
      .then((t) => t.widgets.temperature === "gauge"),
  );
  await page.reload();
  await widget("Temperature")
    .getByRole("img", { name: /^Temperature / })
    .waitFor();
});

test("a PythingsOS device takes an app, messages and shell lines", only, async () => {
  page.setDefaultTimeout(60_000); // it comes and asks, and starts again with every change
  await page.goto("/add/pythingsos");
  await page.getByRole("button", { name: "Start a simulated one" }).click();
  await page.locator(".heard .line").getByRole("link", { name: "Open" }).last().click();
  await page.getByRole("link", { name: "Software" }).click();
  await page.getByRole("button", { name: "Install an app…" }).click();
  await page.getByRole("button", { name: "Install", exact: true }).click();
  await page.getByText("up to date").waitFor();
  await page.getByRole("link", { name: "Messages" }).click();
  await page.getByLabel("Message to the app").fill("meminfo");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  const sent = page.getByRole("listitem").filter({ hasText: "meminfo" });
  await sent.getByText("done", { exact: true }).waitFor();
  await sent.getByText("it answered").waitFor();
  await page.getByRole("link", { name: "Shell" }).click();
  await page.getByLabel("A line of Python for the thing").fill("print(20 + 22)");
  await page.getByRole("button", { name: "Run" }).click();
  await page.getByRole("log").getByText("42", { exact: true }).waitFor();
  await page.getByRole("link", { name: "Log" }).click();
  await page.getByRole("list", { name: "Log" }).getByText("fetched worker_task.py").first().waitFor();
  page.setDefaultTimeout(patience);
});

test("deleting a thing asks for its name", only, async () => {
  await page.goto("/things/basil-1/settings");
  await page.getByRole("button", { name: "Delete…" }).click();
  await page.getByLabel("to go on").fill("Basil pot");
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("heading", { name: "Fleet" }).waitFor();
});

test("pages are there on a reload of any address, and the system tells of itself", only, async () => {
  await page.goto("/system");
  await page.getByText("Unknown things wait for approval").waitFor();
  await page.reload();
  await page.getByRole("cell", { name: "coap", exact: true }).waitFor();
  assert.deepEqual(page.troubles, []);
});
