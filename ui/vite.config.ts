import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// In development the pages come from Vite and everything of the server from ROOST_URL
// (the mock of `npm run mock` when it is not given).
const server = process.env.ROOST_URL ?? "http://127.0.0.1:8091";

export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: "../web/dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The web set-up is a page of its own: it goes on where this server cannot be reached.
    rolldownOptions: { input: { main: "index.html", websetup: "websetup/index.html" } },
  },
  server: {
    host: "127.0.0.1",
    port: 5173,
    fs: { allow: [".", "../install"] }, // what runs on boards while they are installed stands there once
    proxy: { "/api": { target: server, ws: true }, "/docs": server },
  },
  test: { include: ["test/**/*.test.ts"], environment: "node", css: true, testTimeout: 30_000 },
});
