// What a browser must load before it can show the fleet stays small: under 100 kB compressed, fonts aside.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const dist = new URL("../../web/dist/", import.meta.url);
const built = {
  skip: existsSync(new URL("index.html", dist)) ? false : "build the pages first: npm run build",
};

async function firstLoad() {
  const html = await readFile(new URL("index.html", dist), "utf8");
  const files = new Set([...html.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g)].map((m) => m[1]));
  // What those import at once, and so on.
  for (const f of files) {
    if (!f.endsWith(".js")) continue;
    const code = await readFile(new URL(f, dist), "utf8");
    for (const m of code.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) files.add("assets/" + m[1]);
  }
  return { html, files };
}

test("the first load is under 100 kB", built, async () => {
  const { html, files } = await firstLoad();
  let sum = gzipSync(html).length;
  for (const f of files) sum += gzipSync(await readFile(new URL(f, dist))).length;
  console.log(`first load: ${files.size} files, ${(sum / 1000).toFixed(1)} kB compressed`);
  assert.ok(files.size >= 3, "the files were found");
  assert.ok(sum < 100_000, `${sum} bytes`);
});

test("charts, maps, 3-D and the code editor are not part of it", built, async () => {
  const { files } = await firstLoad();
  const heavy = /u-cursor-x|leaflet-pane|WebGLRenderer|cm-lineNumbers/;
  for (const f of files) assert.doesNotMatch(await readFile(new URL(f, dist), "utf8"), heavy, f);
});

test("the page has no script or style of its own: the policy of the server forbids them", built, async () => {
  const { html } = await firstLoad();
  assert.doesNotMatch(html, /<style|style=|<script(?![^>]*\ssrc=)/);
});
