import type { IconName } from "../../parts/Icon.svelte";
import type { System } from "../../lib/api";

export interface KindOfThing {
  slug: string;
  word: string;
  note: string;
  icon: IconName;
}
export const kinds: KindOfThing[] = [
  {
    slug: "board",
    word: "Board or computer of your own",
    note: "ESP32, ESP8266, Pico W, Raspberry Pi: with Roost’s runtime, set up right here",
    icon: "plug",
  },
  { slug: "coap", word: "CoAP node", note: "RIOT and other constrained devices, over UDP", icon: "chip" },
  {
    slug: "websocket",
    word: "WebSocket node",
    note: "A board or a computer that can keep a connection open",
    icon: "send",
  },
  {
    slug: "mqtt",
    word: "MQTT device",
    note: "ESP32, Pico W and whatever else speaks MQTT 3.1.1 or 5",
    icon: "envelope",
  },
  {
    slug: "mqttsn",
    word: "MQTT-SN node",
    note: "RIOT’s emcute and other sleepy devices, over UDP",
    icon: "moonlet",
  },
  {
    slug: "pythingsos",
    word: "PythingsOS device",
    note: "ESP8266, ESP32, SIM800 and computers that run Python apps from here",
    icon: "apps",
  },
  {
    slug: "gateway",
    word: "Far gateway",
    note: "Roost’s or Pyaiot’s, in another network, with all the things behind it",
    icon: "gateway",
  },
  {
    slug: "simulated",
    word: "Simulated thing",
    note: "Runs inside this server and speaks the real protocol",
    icon: "play",
  },
];

/** The port of a listener's address ("0.0.0.0:5683", "[::]:5683", ":5683"), or "". */
export function portOf(address: string): string {
  return /:(\d+)$/.exec(address)?.[1] ?? "";
}

export const listener = (s: System | null, name: string) =>
  s?.listeners.find((l) => l.name === name && l.state === "listening");

const loopback = /^(localhost|127\.|\[?::1\]?$)/;
export const isLoopback = (host: string): boolean => loopback.test(host);

/** This server's name as things may know it: how the reader came here, unless that is this very computer. */
export function hostFor(here: string, baseUrl: string): string {
  if (!isLoopback(here)) return here;
  try {
    const base = new URL(baseUrl).hostname;
    return base && !isLoopback(base) ? base : here;
  } catch {
    return here;
  }
}
