import { afterEach, beforeEach, expect, test } from "vitest";
import { WebSocketServer, WebSocket as Socket } from "ws";
import { Live, type LiveEvent, type LiveOptions } from "../src/lib/live";

// A real server on a free port; what clients send is kept.
let server: WebSocketServer;
let asked: { subscribe?: object; after?: number }[];
let sockets: Socket[];
let live: Live;
let events: LiveEvent[];
let onAsk: (ws: Socket, ask: { after?: number }) => void;

beforeEach(async () => {
  asked = [];
  sockets = [];
  events = [];
  onAsk = (ws) => ws.send('{"type":"hello","seq":10}');
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (ws) => {
    sockets.push(ws);
    ws.on("message", (m) => {
      const ask = JSON.parse(String(m)) as { after?: number };
      asked.push(ask);
      onAsk(ws, ask);
    });
  });
  await new Promise<void>((done) => server.once("listening", done));
  live = make();
});
afterEach(async () => {
  live.close();
  for (const s of sockets) s.terminate();
  await new Promise<void>((done) => server.close(done));
});

function make(mayRetry?: () => Promise<boolean>, more: Partial<LiveOptions> = {}): Live {
  const { port } = server.address() as { port: number };
  const l = new Live({
    url: `ws://127.0.0.1:${port}/api/v2/stream`,
    socket: (url) => new Socket(url) as unknown as WebSocket,
    firstWait: 5,
    random: () => 0.5,
    ...(mayRetry ? { mayRetry } : {}),
    ...more,
  });
  for (const t of ["reading", "thing", "command", "reset", "forgotten", "fresh", "status"] as const)
    l.on(t, (e: LiveEvent) => events.push(e));
  return l;
}
async function until(what: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!what()) {
    if (Date.now() > end) throw new Error("not seen in 20 s: " + what.toString());
    await new Promise((r) => setTimeout(r, 2));
  }
}
const reading = (seq: number) =>
  JSON.stringify({
    type: "reading",
    seq,
    thing: "t",
    resource: "temperature",
    value: seq,
    kind: "number",
    at: seq,
  });
const seqs = () => events.filter((e) => e.type === "reading").map((e) => (e as { seq: number }).seq);
const count = (type: string) => events.filter((e) => e.type === type).length;

test("subscribes, and the first hello asks for a fresh fetch", async () => {
  live.open();
  await until(() => count("fresh") === 1);
  expect(asked).toEqual([{ subscribe: {} }]);
  expect(live.status).toBe("open");
});

test("events come in order, each once", async () => {
  live.open();
  await until(() => live.status === "open");
  for (const n of [11, 12, 12, 11, 13]) sockets[0]!.send(reading(n));
  await until(() => seqs().includes(13));
  expect(seqs()).toEqual([11, 12, 13]);
});

test("after a cut it resumes behind the last event, without a fresh fetch", async () => {
  live.open();
  await until(() => live.status === "open");
  sockets[0]!.send(reading(11));
  await until(() => seqs().length === 1);
  onAsk = (ws) => {
    ws.send('{"type":"hello","seq":14}');
    for (const n of [12, 13, 14]) ws.send(reading(n));
  };
  sockets[0]!.send('{"type":"cut","reason":"slow","seq":11}');
  sockets[0]!.close(4008);
  await until(() => seqs().length === 4);
  expect(asked[1]).toEqual({ subscribe: {}, after: 11 });
  expect(seqs()).toEqual([11, 12, 13, 14]);
  expect(count("fresh")).toBe(1);
});

test("a gap that is too old to replay asks for a fresh fetch", async () => {
  live.open();
  await until(() => live.status === "open");
  onAsk = (ws) => ws.send('{"type":"resync","seq":900}');
  sockets[0]!.terminate();
  await until(() => count("fresh") === 2);
  sockets[1]!.send(reading(901));
  await until(() => seqs().length === 1);
  expect(seqs()).toEqual([901]);
});

test("a restarted server that counts from the start is fetched from anew", async () => {
  live.open();
  await until(() => live.status === "open");
  sockets[0]!.send(reading(50));
  await until(() => seqs().length === 1);
  onAsk = (ws) => ws.send('{"type":"hello","seq":3}');
  sockets[0]!.terminate();
  await until(() => count("fresh") === 2);
  sockets[1]!.send(reading(4));
  await until(() => seqs().length === 2);
});

test("it tells of the loss and comes back when the server does", async () => {
  live.open();
  await until(() => live.status === "open");
  sockets[0]!.terminate();
  await until(() => events.some((e) => e.type === "status" && e.status === "lost"));
  await until(() => live.status === "open");
  expect(live.goodAt).toBeGreaterThan(0);
});

test("it asks before each try and stops when told to", async () => {
  live.close();
  let tries = 0;
  live = make(async () => ++tries < 2);
  live.open();
  await until(() => live.status === "open");
  sockets.at(-1)!.terminate();
  await until(() => asked.length === 2 && live.status === "open");
  sockets.at(-1)!.terminate();
  await until(() => tries === 2);
  await new Promise((r) => setTimeout(r, 60));
  expect(asked.length).toBe(2);
  expect(live.status).toBe("lost");
});

test("closing is for good, and a listener can be taken away", async () => {
  const stop = live.on("reading", () => events.push({ type: "fresh" }));
  stop();
  live.open();
  await until(() => live.status === "open");
  live.close();
  await new Promise((r) => setTimeout(r, 40));
  expect(live.status).toBe("idle");
  expect(asked.length).toBe(1);
});

test("frames that are not understood are passed over", async () => {
  live.open();
  await until(() => live.status === "open");
  sockets[0]!.send("not json");
  sockets[0]!.send('{"type":"something-new","seq":12}');
  sockets[0]!.send(reading(12));
  await until(() => seqs().length === 1);
});

test("a network that went silently is noticed, and the page comes back", async () => {
  let alive = false;
  live = make(undefined, { silence: 500, alive: () => Promise.resolve(alive) });
  live.open();
  await until(() => sockets.length >= 2); // nothing came, nobody answered: it tried anew
  expect(events.some((e) => e.type === "status" && e.status === "lost")).toBe(true);
  alive = true;
  await until(() => live.status === "open");
});

test("silence alone ends nothing while the server answers", async () => {
  let questions = 0;
  live = make(undefined, { silence: 200, alive: () => Promise.resolve(++questions > 0) });
  live.open();
  await until(() => live.status === "open");
  const before = sockets.length;
  await until(() => questions >= 3);
  expect(live.status).toBe("open");
  expect(sockets.length).toBe(before);
});

test("a connection that is never greeted is given up", async () => {
  onAsk = () => {};
  live = make(undefined, { silence: 20, alive: () => Promise.resolve(true) });
  live.open();
  await until(() => sockets.length >= 2);
});
