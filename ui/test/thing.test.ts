import { beforeEach, expect, test } from "vitest";
import { configure, type Command, type Thing } from "../src/lib/api";
import { LiveThing } from "../src/lib/thing.svelte";

const info: Thing = {
  id: "t",
  name: "t",
  protocol: "CoAP",
  state: "enrolled",
  online: true,
  since: 0,
  first_heard: 0,
  last_heard: 0,
  address: "",
  door: "coap",
  gateway: "",
  tags: [],
};
const command = (id: string, state: Command["state"], created = 1): Command => ({
  id,
  thing: "t",
  kind: "set",
  resource: "led",
  value: "1",
  state,
  error: "",
  result: null,
  by: "",
  created,
  sent: 0,
  ended: 0,
  expires: 0,
});
const reading = (value: string, at: number, name = "led") => ({
  name,
  value,
  at,
  kind: "text" as const,
  writable: true,
});
let t: LiveThing;
beforeEach(() => (t = new LiveThing({ ...info, resources: [reading("0", 10)] })));

test("an event that overtakes the answer to its request is not undone by it", () => {
  t.track(command("a", "done"));
  t.track(command("a", "queued"));
  expect(t.latest("led")?.state).toBe("done");
});

test("the newest command to a resource is the one that shows", () => {
  t.track(command("b", "queued", 2));
  t.track(command("a", "done", 1));
  expect(t.latest("led")?.id).toBe("b");
  t.dismiss("led");
  expect(t.latest("led")).toBeUndefined();
});

test("a refusal of the server shows like a failed command", async () => {
  configure({
    fetch: (async () =>
      new Response('{"detail":"The thing is not yours to command."}', {
        status: 403,
        headers: { "Content-Type": "application/problem+json" },
      })) as typeof fetch,
  });
  await t.send("led", "1");
  expect(t.latest("led")).toMatchObject({
    state: "failed",
    error: "The thing is not yours to command.",
    value: "1",
  });
});

test("an older reading does not replace a newer one", () => {
  expect(t.take(reading("1", 20))).toBe(false);
  t.take(reading("0", 15));
  expect(t.resource("led")?.value).toBe("1");
  expect(t.take(reading("x", 5, "note"))).toBe(true);
});

test("search looks through name, id, tags and resources", () => {
  t.setInfo({ ...info, name: "Attic", tags: ["Roof"] });
  for (const word of ["attic", "roof", "coap", "led"]) expect(t.hay).toContain(word);
});

test("the name a thing gives itself yields to the one a person gave", () => {
  expect(t.callsItself("Lamp")).toBe(true);
  expect(t.info.name).toBe("Lamp");
  t.setInfo({ ...info, name: "Mine", given_name: "Mine" });
  expect(t.callsItself("Lamp")).toBe(false);
  expect(t.info.name).toBe("Mine");
});
