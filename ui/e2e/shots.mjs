// Screenshots of every page: light and dark, wide and phone, into $SHOTS (default ./shots).
//   ONLY=fleet,thing node e2e/shots.mjs
import { mkdir } from "node:fs/promises";
import { launch, name, openPage, password, real, serve, signIn } from "./lib.mjs";

const into = process.env.SHOTS ?? "shots";
const only = process.env.ONLY?.split(",");
const themes = process.env.THEMES?.split(",") ?? ["light", "dark"];
const sizes = { wide: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
await mkdir(into, { recursive: true });

const main = await serve({});
const bare = real ? null : await serve({ empty: true });
const fresh = process.env.ROOST_URL ? null : await serve({ setup: true });
const browser = await launch();

async function thingWith(page, resource) {
  const { things } = await page.evaluate(() => fetch("/api/v2/things").then((r) => r.json()));
  const found = things.find((t) => t.resources?.some((r) => r.name === resource)) ?? things[0];
  return `/things/${encodeURIComponent(found.id)}`;
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
  bench: async (p) => p.goto(await thingWith(p, "suit_state")),
  history: async (p) => p.goto((await thingWith(p, "humidity")) + "/history"),
  commands: async (p) => p.goto((await thingWith(p, "humidity")) + "/commands"),
  settings: async (p) => p.goto((await thingWith(p, "humidity")) + "/settings"),
  add: async (p) => p.goto("/add"),
  coap: async (p) => p.goto("/add/coap"),
  websocket: async (p) => p.goto("/add/websocket"),
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
      if (n === "cards") await page.getByRole("button", { name: "Table" }).click();
    }
    if (page.troubles.length) console.log(theme, size, page.troubles, (bad = 1));
    await page.context().close();
  }
await browser.close();
for (const s of [main, bare, fresh]) await s?.close();
process.exitCode = bad;
