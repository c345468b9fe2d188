// Widgets beyond switches and numbers: colour, display, slider, motion, camera, map, and another choice for each.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { counts, launch, openPage, real, serve, signIn, until } from "./lib.mjs";

const only = { skip: real ? "counts on the mock's things" : false };
const rover = "/things/548a0b4e-1d9c-4a37-9a6e-0d7a7e1f2c11";
let browser, server, page;
before(async () => {
  browser = await launch();
  server = await serve({});
  page = await openPage(browser, server.url, { reducedMotion: "no-preference" });
  page.setDefaultTimeout(30_000); // 3-D is drawn by the processor here
  await signIn(page);
});
after(async () => {
  await browser.close();
  await server.close();
});
const widget = (name) => page.getByRole("article", { name, exact: true });
const sent = (resource) => server.mock.commands.filter((c) => c.resource === resource).map((c) => c.value);

test("a colour goes out as the thing spells it", only, async () => {
  await page.goto("/things/studio");
  const text = widget("Colour").getByRole("textbox");
  assert.equal(await text.inputValue(), "#ff8c28");
  await widget("Colour").getByRole("button", { name: "Blue" }).click();
  await widget("Colour").getByText("Confirmed by the thing").waitFor();
  await text.fill("#102030");
  await text.press("Enter");
  await page.waitForFunction(() => document.querySelector("article input.mono").value === "#102030");
  const wheel = await widget("Colour").getByRole("slider", { name: /hue/ }).boundingBox();
  await page.mouse.move(wheel.x + wheel.width / 2, wheel.y + wheel.height / 2);
  await page.mouse.down();
  await page.mouse.move(wheel.x + wheel.width / 2, wheel.y - 20, { steps: 5 });
  await page.mouse.up();
  await until(
    () => sent("rgb").length >= 3,
    () => `sent: ${sent("rgb")}`,
  );
  await widget("Colour").getByText("Confirmed by the thing").waitFor();
  const [blue, typed, dragged, ...more] = sent("rgb");
  assert.equal(blue, "0,0,255");
  assert.equal(typed, "16,32,48");
  const [r, g, b] = dragged.split(",").map(Number);
  assert.ok(r > 0 && g <= 2 && b <= 2, `straight up is red: ${dragged}`);
  assert.equal(more.length, 0, "one command for one drag");
});

test("a display shows its lines and takes a text", only, async () => {
  await widget("Display").getByText("Good morning").waitFor();
  await widget("Display").getByLabel("New text for Display").fill("See you\ntomorrow");
  await widget("Display").getByRole("button", { name: "Send" }).click();
  await widget("Display").getByText("tomorrow").waitFor();
  assert.deepEqual(sent("lcd"), ["See you\ntomorrow"]);
});

test("another choice is kept by the server, for every browser", only, async () => {
  await page.getByRole("button", { name: "More for Servo" }).click();
  await page.getByRole("menuitemradio", { name: "Slider" }).click();
  const slider = widget("Servo").getByRole("slider");
  await slider.waitFor();
  await slider.fill("180");
  await widget("Servo").getByText("Confirmed by the thing").waitFor();
  assert.deepEqual(sent("servo"), [180]);
  const other = await openPage(browser, server.url);
  await signIn(other, "vic", "viewer viewer");
  await other.goto("/things/studio");
  await other.getByRole("article", { name: "Servo" }).getByRole("slider").waitFor();
  await other.getByRole("button", { name: "More for Servo" }).click();
  await other.getByRole("menuitem", { name: "Copy value" }).waitFor();
  await counts(other.getByRole("menuitemradio"), 0, "a viewer changes nothing for others");
  await other.context().close();
  await page.getByRole("button", { name: "More for Servo" }).click();
  await page.getByRole("menuitemradio", { name: "Number" }).click();
  await slider.waitFor({ state: "detached" });
  await page.waitForFunction(() =>
    fetch("/api/v2/things/studio")
      .then((r) => r.json())
      .then((t) => Object.keys(t.widgets).length === 0),
  );
});

test("motion turns a body, draws its lines, and a click makes it level", only, async () => {
  await page.goto(rover);
  const body = widget("Motion").getByRole("button", { name: /Attitude of rover/ });
  await widget("Motion").getByRole("img", { name: "Rotation, last minute" }).waitFor();
  const label = () => body.getAttribute("aria-label");
  let seen = "";
  await until(
    async () => Math.abs(Number(/heading (-?\d+)/.exec((seen = await label()))[1])) >= 10,
    () => seen,
  );
  const t = server.mock.things.get(rover.split("/")[2]);
  const { imu } = t.spec;
  delete t.spec.imu; // it lies still from here on; what is under way still comes
  await until(
    async () => {
      await body.click();
      return /roll 0°, pitch 0°, heading 0°/.test((seen = await label()));
    },
    () => seen,
  );
  t.spec.imu = imu;
});

test("motion stands still for who wants no motion, and leaves nothing behind", only, async () => {
  const p = await openPage(browser, server.url, { reducedMotion: "reduce" });
  p.setDefaultTimeout(30_000);
  await signIn(p);
  for (let i = 0; i < 2; i++) {
    await p.goto(rover);
    await p.getByRole("button", { name: /Attitude of rover/ }).waitFor();
    await p.getByRole("link", { name: "Commands" }).click();
    await p.getByLabel("Resource").waitFor();
  }
  assert.deepEqual(p.troubles, []);
  await p.context().close();
});

test("a camera is asked only after a person agreed, then streams; a gone one is told", only, async () => {
  await page.goto("/things/ws-kitchen-1");
  const camera = widget("Webcam");
  await camera.getByRole("button", { name: "Show the picture" }).waitFor();
  await counts(camera.locator("img"), 0);
  await camera.getByRole("button", { name: "Show the picture" }).click();
  await camera.getByText("live").waitFor();
  await page.reload();
  await camera.getByText("live").waitFor();
  const t = server.mock.things.get("ws-kitchen-1");
  t.spec.webcam.value = server.url + "/mock/nothing.jpg";
  server.mock.reading(t, "webcam");
  await camera.getByText("No picture from").waitFor();
  t.spec.webcam.value = server.url + "/mock/still.png";
  server.mock.reading(t, "webcam");
  await camera.getByText("just now").waitFor();
});

test("a position is a map; the fleet has one of all", only, async () => {
  await page.goto("/things/ABCDEF012345678");
  await widget("Position").locator(".leaflet-tile-loaded").first().waitFor();
  await widget("Position").getByText("48.71478° N").waitFor();
  await page.goto("/");
  await page.getByRole("button", { name: "Map" }).click();
  await page.locator(".leaflet-tile-loaded").first().waitFor();
  const nowhere = [...server.mock.things.values()].filter((t) => t.state === "enrolled" && !t.spec.position);
  await page.getByText(`${nowhere.length} things without a position`).waitFor();
  await page.getByRole("button", { name: "attic weather" }).click();
  await page.getByRole("heading", { name: "attic weather" }).waitFor();
  await page.goto("/");
  await page.getByRole("button", { name: "Map", pressed: true }).waitFor();
  await page.getByRole("button", { name: "Table" }).click();
});

test("without tiles a grid of degrees stands in their place", only, async (t) => {
  const off = await serve({ site: { mapTiles: "/mock/nowhere/{z}/{x}/{y}.png" } });
  t.after(() => off.close());
  const p = await openPage(browser, off.url);
  await signIn(p);
  await p.getByRole("button", { name: "Map" }).click();
  await p.getByText("No map tiles to be had").waitFor();
  await p.locator("canvas.leaflet-tile-loaded").first().waitFor();
  await p.getByRole("button", { name: "attic weather" }).waitFor();
  assert.deepEqual(p.troubles, []);
  await p.context().close();
});

test("no trouble in the console", () => assert.deepEqual(page.troubles, []));
