// Screenshots of every page: light and dark, wide and phone, into $SHOTS (default ./shots).
//   ONLY=fleet,thing node e2e/shots.mjs
import { mkdir } from "node:fs/promises";
import { dashboard } from "../mock/server.mjs";
import { launch, name, openPage, password, real, serve, signIn } from "./lib.mjs";

const into = process.env.SHOTS ?? "shots";
const only = process.env.ONLY?.split(",");
const themes = process.env.THEMES?.split(",") ?? ["light", "dark"];
const sizes = { wide: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
await mkdir(into, { recursive: true });

const main = await serve({});
const bare = real ? null : await serve({ empty: true });
const apart = real
  ? null
  : await serve({ site: { ...dashboard, signIn: "password" }, only: (s) => !s.waiting });
const fresh = process.env.ROOST_URL ? null : await serve({ setup: true });
const browser = await launch();

async function thingWith(page, resource) {
  const { things } = await page.evaluate(() => fetch("/api/v2/things").then((r) => r.json()));
  const found = things.find((t) => t.resources?.some((r) => r.name === resource)) ?? things[0];
  return `/things/${encodeURIComponent(found.id)}`;
}

async function takesApps(page, tab) {
  const { things } = await page.evaluate(() => fetch("/api/v2/things").then((r) => r.json()));
  const all = things.filter((t) => t.protocol === "PythingsOS" && t.state === "enrolled");
  const found = all.find((t) => t.name === "pump house") ?? all[0] ?? things[0];
  return `/things/${encodeURIComponent(found.id)}/${tab}`;
}

/** The path of the app with the most things. */
async function app(page) {
  const { apps } = await page.evaluate(() => fetch("/api/v2/apps").then((r) => r.json()));
  const found = apps.toSorted((a, b) => b.things - a.things)[0];
  return "/apps/" + found.id;
}
async function editor(path, page) {
  await page.goto(path);
  await page.locator(".cm-content").waitFor();
}

const pages = {
  fleet: async (p) => p.goto("/"),
  cards: async (p) => {
    await p.goto("/");
    await p.getByRole("button", { name: "Cards" }).click();
  },
  selection: async (p) => {
    await p.goto("/");
    await p.keyboard.press("/");
    await p.keyboard.type("e");
  },
  thing: async (p) => p.goto(await thingWith(p, "humidity")),
  rover: async (p) => p.goto(await thingWith(p, "robot")),
  lamp: async (p) => p.goto(await thingWith(p, "config")),
  studio: async (p) => p.goto(await thingWith(p, "rgb")),
  roof: async (p) => p.goto(await thingWith(p, "tsp")),
  camera: async (p) => {
    await p.goto(await thingWith(p, "webcam"));
    const show = p.getByRole("button", { name: "Show the picture" });
    if (await show.isVisible().catch(() => false)) await show.click();
  },
  bench: async (p) => p.goto(await thingWith(p, "suit_state")),
  history: async (p) => p.goto((await thingWith(p, "humidity")) + "/history"),
  commands: async (p) => p.goto((await thingWith(p, "humidity")) + "/commands"),
  settings: async (p) => p.goto((await thingWith(p, "humidity")) + "/settings"),
  credential: async (p) => p.goto((await thingWith(p, "rgb")) + "/settings"),
  messages: async (p) => p.goto(await takesApps(p, "messages")),
  shell: async (p) => p.goto(await takesApps(p, "shell")),
  software: async (p) => p.goto(await takesApps(p, "software")),
  log: async (p) => p.goto(await takesApps(p, "log")),
  apps: async (p) => p.goto("/apps"),
  newapp: async (p) => p.goto("/apps/new"),
  code: async (p) => editor(await app(p), p),
  completion: async (p) => {
    await editor(await app(p), p);
    await p.locator(".cm-content").click();
    await p.keyboard.press("Control+End");
    await p.keyboard.insertText("\ndef broken(\n");
    await p.getByRole("region", { name: "Problems" }).getByRole("button").first().waitFor();
    await p.keyboard.type("\nmachine.");
    await p.locator(".cm-tooltip-autocomplete").waitFor();
  },
  apphistory: async (p) => {
    await p.goto((await app(p)) + "/history");
    await p.getByRole("list", { name: "Commits" }).getByRole("link", { name: /ago/ }).first().click();
    await p.locator(".cm-content").first().waitFor();
  },
  appthings: async (p) => p.goto((await app(p)) + "/things"),
  appsettings: async (p) => {
    await p.goto((await app(p)) + "/settings?pool=development");
    await p.getByLabel("Worker interval").fill("30");
  },
  account: async (p) => p.goto("/account"),
  shelf: async (p) => p.goto("/system/shelf"),
  firmware: async (p) => p.goto("/system/firmware"),
  board: async (p) => p.goto("/add/board"),
  pythingsos: async (p) => p.goto("/add/pythingsos"),
  websetup: async (p) => p.goto("/websetup/"),
  map: async (p) => {
    await p.goto("/");
    await p.getByRole("button", { name: "Map" }).click();
    await p.locator(".leaflet-container").waitFor();
  },
  gateways: async (p) => p.goto("/gateways"),
  newkey: async (p) => {
    await p.goto("/gateways");
    await p.getByRole("button", { name: "Make a key" }).click();
    await p.getByLabel("What is the gateway called?").fill("Shed " + Math.random().toString(36).slice(2, 6));
    await p.getByRole("button", { name: "Make it" }).click();
    await p.getByRole("button", { name: "Done" }).waitFor();
  },
  add: async (p) => p.goto("/add"),
  coap: async (p) => p.goto("/add/coap"),
  websocket: async (p) => p.goto("/add/websocket"),
  mqtt: async (p) => p.goto("/add/mqtt"),
  mqttsn: async (p) => p.goto("/add/mqttsn"),
  gateway: async (p) => p.goto("/add/gateway"),
  simulated: async (p) => p.goto("/add/simulated"),
  people: async (p) => p.goto("/people"),
  system: async (p) => p.goto("/system"),
  missing: async (p) => p.goto("/nowhere"),
};

let bad = 0;
for (const theme of themes)
  for (const [size, viewport] of Object.entries(sizes)) {
    const options = {
      viewport,
      colorScheme: theme,
      deviceScaleFactor: size === "phone" ? 2 : 1,
      hasTouch: size === "phone",
      isMobile: size === "phone",
    };
    const take = async (page, file) => {
      await page.waitForTimeout(1200);
      const wide = (await page.evaluate(() => document.documentElement.scrollWidth)) - viewport.width;
      if (wide > 0) console.log(`OVERFLOW ${wide}px in ${file}`, (bad = 1));
      await page.screenshot({ path: `${into}/${file}-${theme}-${size}.png`, fullPage: true });
    };
    const wanted = (n) => !only || only.includes(n);
    if (fresh && wanted("setup")) {
      const page = await openPage(browser, fresh.url, options);
      await page.goto(fresh.link ? fresh.link.pathname + fresh.link.hash : "/setup#once-only-token");
      await page.getByLabel("Your name").fill("Ada");
      await page.getByLabel("Password").fill("correct horse");
      await take(page, "setup");
      await page.context().close();
    }
    if (bare && wanted("empty")) {
      const page = await openPage(browser, bare.url, options);
      await signIn(page);
      await take(page, "empty");
      await page.goto("/gateways");
      await take(page, "nogateway");
      await page.context().close();
    }
    if (apart && wanted("dashboard")) {
      const page = await openPage(browser, apart.url, options);
      await page.goto("/");
      await page.getByLabel("Password").fill(password);
      await take(page, "dashboard-signin");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "Fleet" }).waitFor();
      await page.locator("img.shown").waitFor();
      await take(page, "dashboard");
      await page.goto(await thingWith(page, "humidity"));
      await take(page, "dashboard-thing");
      await page.context().close();
    }
    const page = await openPage(browser, main.url, options);
    await page.goto("/");
    await page.getByLabel("Name").waitFor();
    if (wanted("signin")) await take(page, "signin");
    await signIn(page, name, password);
    for (const [n, open] of Object.entries(pages)) {
      if (!wanted(n)) continue;
      await open(page);
      await take(page, n);
      if (n === "cards" || n === "map") await page.getByRole("button", { name: "Table" }).click();
    }
    if (page.troubles.length) console.log(theme, size, page.troubles, (bad = 1));
    await page.context().close();
  }
await browser.close();
for (const s of [main, bare, apart, fresh]) await s?.close();
process.exitCode = bad;
