// One thing: widgets and their commands, history, commands, settings, and a lost connection.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { counts, launch, openPage, real, serve, signIn, until } from "./lib.mjs";

const only = { skip: real ? "counts on the mock's things" : false };
let browser, server, page;
const green = "/things/ABCDEF012345678";
const rover = "/things/548a0b4e-1d9c-4a37-9a6e-0d7a7e1f2c11";
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
const widget = (name) => page.getByRole("article", { name, exact: true });
const sent = (resource) => server.mock.commands.filter((c) => c.resource === resource).map((c) => c.value);

test("a switch: pending, then confirmed by the thing", only, async () => {
  await page.goto(green);
  server.mock.delay = 6000; // sent after a third of it, and then it is seen to wait
  await widget("LED").getByRole("switch").click();
  await widget("LED").getByText("Sent, waiting for the thing").waitFor();
  await widget("LED").getByText("Confirmed by the thing").waitFor();
  await widget("LED").getByText("On", { exact: true }).waitFor();
  server.mock.delay = 350;
});

test("a failure gives the reason and Retry", only, async () => {
  server.mock.answers.led = "fail";
  await widget("LED").getByRole("switch").click();
  await widget("LED").getByText("The thing answered 4.00 Bad Request.").waitFor();
  delete server.mock.answers.led;
  await widget("LED").getByRole("button", { name: "Retry" }).click();
  await widget("LED").getByText("Off", { exact: true }).waitFor();
});

test("a pending command shows after a reload too", only, async () => {
  server.mock.answers.led = "never";
  await widget("LED").getByRole("switch").click();
  await widget("LED").getByText("Sent, waiting for the thing").waitFor();
  await page.reload();
  await widget("LED").getByText("Sent, waiting for the thing").waitFor();
  delete server.mock.answers.led;
});

test("any resource can be set, and shown another way", only, async () => {
  await page.goto(green);
  await page.getByRole("button", { name: "More for Humidity" }).click();
  await page.getByRole("menuitemradio", { name: "Number" }).click();
  await widget("Humidity")
    .getByRole("img", { name: /Last hour/ })
    .waitFor();
  await page.reload();
  await widget("Humidity")
    .getByRole("img", { name: /Last hour/ })
    .waitFor();
  await page.getByRole("button", { name: "More for Temperature" }).click();
  await page.getByRole("menuitem", { name: "Set a value" }).click();
  await page.getByLabel("Value", { exact: true }).fill("19.5");
  await page.getByRole("button", { name: "Send" }).click();
  await widget("Temperature").getByText("Confirmed by the thing").waitFor();
  assert.deepEqual(sent("temperature"), ["19.5"]);
});

test("the pad and the joystick send what Pyaiot's robots understand", only, async () => {
  await page.goto(rover);
  for (const name of ["Forward", "Left", "Right", "Stop"])
    await widget("Robot").getByRole("button", { name }).click();
  await page.waitForFunction(() => true);
  const pad = await widget("RiBot").getByRole("application").boundingBox();
  const x = pad.x + pad.width / 2;
  const y = pad.y + pad.height / 2;
  await page.mouse.move(x, y - 50);
  await page.mouse.down();
  await until(
    () => sent("ribot").length > 1, // again and again while it is held
    () => `sent: ${sent("ribot")}`,
  );
  await page.mouse.up();
  const stops = () => sent("ribot").filter((v) => v === "0:0:0\n").length;
  await until(
    () => stops() === 2,
    () => `sent: ${sent("ribot")}`,
  );
  assert.deepEqual(sent("robot"), ["u", "l", "r", "s"]);
  const moves = sent("ribot").slice(0, -2);
  assert.deepEqual(
    moves,
    moves.map(() => "0:-255:-255\n"),
  );
});

test("a script goes as a whole", only, async () => {
  await widget("Script").getByRole("textbox").fill("led.write(1);\n");
  await widget("Script").getByRole("button", { name: "Send" }).click();
  await widget("Script").getByText("Confirmed by the thing").waitFor();
  assert.deepEqual(sent("js"), ["led.write(1);\n"]);
});

test("what a thing says stays text", only, async () => {
  const t = server.mock.addThing({
    id: "hostile",
    protocol: "CoAP",
    resources: {
      name: { kind: "text", value: "<img src=x onerror=alert(1)>", writable: false },
      webcam: { kind: "text", value: "javascript:alert(1)", writable: false },
      note: { kind: "text", value: "<b>bold</b>\0\0\0", writable: false },
    },
  });
  server.mock.changed(t);
  let dialogs = 0;
  page.on("dialog", (d) => (dialogs++, d.dismiss()));
  await page.goto("/things/hostile");
  await page.getByText("<b>bold</b>", { exact: true }).waitFor();
  await counts(page.locator("main img, main b, main a[href^=javascript]"), 0);
  assert.equal(dialogs, 0);
});

test("history: charts, live points, zoom and CSV", only, async () => {
  await page.goto(green + "/history");
  await page.locator(".uplot").first().waitFor();
  await counts(page.locator(".uplot"), 4);
  const over = await page.locator(".uplot .u-over").first().boundingBox();
  await page.mouse.move(over.x + 200, over.y + 60);
  await page.mouse.down();
  await page.mouse.move(over.x + 500, over.y + 60, { steps: 8 });
  await page.mouse.up();
  await page.getByRole("button", { name: /Leave the zoom/ }).waitFor();
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "CSV" }).click(),
  ]);
  const text = await readFile(await file.path(), "utf8");
  assert.match(text, /^time,resource,unit,value,min,max,last,readings\r\n/);
  assert.match(text, /temperature,°C,/);
  assert.ok(text.split("\r\n").length > 50);
  await page.getByRole("button", { name: /Leave the zoom/ }).click();
  for (const span of ["10 min", "1 month", "1 h"])
    await page.getByRole("button", { name: span, exact: true }).click();
});

test("commands: sent, cancelled, and every state has its word", only, async () => {
  await page.goto("/things/9C0F2210BEEF003/commands"); // offline: stays queued
  await page.getByLabel("Resource").fill("led");
  await page.getByLabel("Value").fill("1");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText("queued", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("cancelled", { exact: true }).waitFor();
});

test("a name changes in place and can be undone", only, async () => {
  await page.goto(green);
  await page.getByRole("button", { name: "greenhouse-north", exact: true }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("North house");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "North house" }).waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByRole("heading", { name: "greenhouse-north" }).waitFor();
});

test("deleting asks for the name", only, async () => {
  await page.goto("/things/hostile/settings");
  await page.getByRole("button", { name: "Delete…" }).click();
  const go = page.getByRole("button", { name: "Delete", exact: true });
  await page.getByLabel("to go on").fill("hostile");
  assert.equal(await go.isDisabled(), true);
  await page.getByLabel("to go on").fill("<img src=x onerror=alert(1)>");
  await go.click();
  await page.getByRole("heading", { name: "Fleet" }).waitFor();
  assert.equal(server.mock.things.has("hostile"), false);
});

test("a thing that is not here is told", async () => {
  await page.goto("/things/nobody");
  await page.getByRole("heading", { name: "This thing is not here" }).waitFor();
});

test("a lost connection is one line, values stay, and it comes back", only, async () => {
  await page.goto(green);
  await widget("Temperature").waitFor();
  const attach = server.mock.attach;
  server.mock.attach = (ws) => ws.terminate();
  for (const r of server.mock.readers) r.terminate();
  await page.getByText(/Reconnecting, values are from/).waitFor();
  await widget("Temperature").waitFor();
  server.mock.attach = attach;
  await page.getByText(/Reconnecting/).waitFor({ state: "detached" });
});

test("a session that ended elsewhere leads to signing in, and back here", only, async () => {
  await page.goto(green + "/commands");
  await page.getByLabel("Resource").waitFor();
  server.mock.sessions.clear();
  for (const r of server.mock.readers) r.terminate();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.getByLabel("Name").fill("ada");
  await page.getByLabel("Password").fill("correct horse");
  await page.keyboard.press("Enter");
  await page.getByLabel("Resource").waitFor();
  assert.equal(new URL(page.url()).pathname, green + "/commands");
});

test("no trouble in the console", () => assert.deepEqual(page.troubles, []));
