// Which widget stands for a resource: by its name where the name means something, else by its shape.
import type { Resource, Thing } from "../lib/api";
import { parseColour } from "../lib/colour";
import {
  asText,
  clean,
  httpUrl,
  isOnOff,
  leadingNumber,
  numberOf,
  parseImu,
  parsePosition,
} from "../lib/value";

export type WidgetKind =
  | "switch"
  | "number"
  | "gauge"
  | "slider"
  | "text"
  | "input"
  | "lcd"
  | "colour"
  | "pad"
  | "joystick"
  | "script"
  | "imu"
  | "position"
  | "json"
  | "camera"
  | "suit"
  | "fact";

const facts = [
  "name",
  "os",
  "board",
  "mcu",
  "ip",
  "protocol",
  "id",
  "version",
  "vendor",
  "appid",
  "num_leds",
  "np_pin",
];
const isFact = (name: string) => facts.includes(name);
export const factOrder = (name: string): number => facts.indexOf(name);

// Resources that are there to be set, whether or not their thing can say so (WebSocket nodes cannot).
const controls = ["led", "robot", "ribot", "js", "rgb", "lcd"];
export const canSet = (r: Resource): boolean => r.writable || controls.includes(r.name);

export function chooseWidget(r: Resource): WidgetKind {
  const name = r.name.replace(/^.*\//, "");
  if (isFact(r.name)) return "fact";
  if (name === "robot") return "pad";
  if (name === "ribot") return "joystick";
  if (name === "js") return "script";
  if (name === "imu" && parseImu(r.value).length > 0) return "imu";
  if (name === "position" && parsePosition(r.value)) return "position";
  if (name === "webcam" && httpUrl(r.value)) return "camera";
  if (name === "lcd") return "lcd";
  if (/^(rgb|colou?r)$/.test(name) && (parseColour(r.value) || asText(r.value) === "")) return "colour";
  if (name === "suit_state") return "suit";
  if (isOnOff(r.value) && (r.kind === "boolean" || (canSet(r) && name !== "dwnld"))) return "switch";
  return byShape(r);
}

function byShape(r: Resource): WidgetKind {
  if (r.kind === "json") return "json";
  if (r.kind === "text" && canSet(r) && /^#[0-9a-f]{6}$/i.test(asText(r.value))) return "colour";
  if (r.kind === "text" || r.kind === "boolean")
    return looksLikeJson(r.value) ? "json" : canSet(r) && r.kind === "text" ? "input" : "text";
  if (r.unit === "%" || r.name === "dwnld") {
    const n = r.number ?? leadingNumber(clean(r.value)) ?? NaN;
    if (!(n >= 0 && n <= 100)) return "number";
    return canSet(r) ? "slider" : "gauge";
  }
  return "number";
}

function looksLikeJson(value: unknown): boolean {
  const t = asText(value);
  if (!/^[[{]/.test(t)) return false;
  try {
    JSON.parse(t);
    return true;
  } catch {
    return false;
  }
}

/** Whether the history page has something to draw or to list of it. */
export function hasHistory(r: Resource): boolean {
  const kind = chooseWidget(r);
  if (["fact", "pad", "joystick", "script"].includes(kind)) return false;
  return numberOf(r) !== null || ["text", "input", "lcd"].includes(kind);
}

/** What a person may show this resource as instead. */
export function alternatives(r: Resource): WidgetKind[] {
  const out: WidgetKind[] = [];
  const set = canSet(r);
  if (r.kind === "number") out.push("number", "gauge");
  if (r.kind === "number" && set) out.push("slider");
  if (isOnOff(r.value)) out.push("switch");
  if (parseImu(r.value).length > 0) out.push("imu");
  if (parsePosition(r.value)) out.push("position");
  if (parseColour(r.value)) out.push("colour");
  if (httpUrl(r.value)) out.push("camera");
  if (looksLikeJson(r.value) || r.kind === "json") out.push("json");
  if (set && r.kind !== "boolean") out.push("input");
  if (r.kind === "text") out.push("lcd");
  if (set && r.kind === "text") out.push("pad", "joystick", "script");
  out.push("text");
  const own = chooseWidget(r);
  if (!out.includes(own)) out.unshift(own);
  return out;
}

export const widgetNames: Record<WidgetKind, string> = {
  switch: "Switch",
  number: "Number",
  gauge: "Gauge",
  slider: "Slider",
  text: "Text",
  input: "Text to send",
  lcd: "Display",
  colour: "Colour",
  pad: "Pad",
  joystick: "Joystick",
  script: "Script",
  imu: "Motion",
  position: "Position",
  json: "JSON",
  camera: "Camera",
  suit: "Update state",
  fact: "Fact",
};

/** What people chose for this thing, as long as the value still fits it; else what seems best. */
export function chosenWidget(t: Pick<Thing, "widgets">, r: Resource): WidgetKind {
  const chosen = t.widgets?.[r.name] as WidgetKind | undefined;
  return chosen && alternatives(r).includes(chosen) ? chosen : chooseWidget(r);
}

const labels: Record<string, string> = {
  led: "LED",
  num_leds: "NeoPixels",
  np_pin: "NeoPixels at pin",
  imu: "Motion",
  rgb: "Colour",
  lcd: "Display",
  eco2: "eCO₂",
  tvoc: "TVOC",
  tsp: "Small particles (1–2 µm)",
  tlp: "Large particles (3–10 µm)",
  js: "Script",
  ribot: "RiBot",
  uvindex: "UV index",
  twitter: "Message",
  os: "OS",
  mcu: "MCU",
  ip: "IP",
  id: "ID",
  appid: "App ID",
  dwnld: "Download",
  suit_state: "Update",
};

/** A resource's name for people: "soil_moisture" reads "Soil moisture". */
export function label(name: string): string {
  const known = labels[name];
  if (known) return known;
  const t = name.replace(/[_-]+/g, " ").trim() || name;
  return t[0] === undefined ? name : t[0].toUpperCase() + t.slice(1);
}

const short: Record<string, string> = { tsp: "Small", tlp: "Large" };
/** The same where room is scarce. */
export const shortLabel = (name: string): string => short[name] ?? label(name);

const first = [
  "temperature",
  "humidity",
  "pressure",
  "eco2",
  "tvoc",
  "tsp",
  "tlp",
  "illuminance",
  "distance",
  "battery",
];

/** What boards tell of themselves: on a row only where there is nothing else. */
const ofItself = new Set(["free_mem", "rssi", "uptime", "uptime_ms", "np_pin", "num_leds", "led_pin"]);

/** Up to three values for a row of the fleet: the known ones first, then numbers with a unit, numbers, texts. */
export function rowValues(resources: Iterable<Resource>, most = 3): Resource[] {
  const rank = (r: Resource): number => {
    const i = first.indexOf(r.name);
    if (i >= 0) return i;
    if (r.name === "dwnld") return 99;
    if (ofItself.has(r.name)) return 50;
    const kind = chooseWidget(r);
    if (kind === "number" || kind === "gauge" || kind === "slider") return r.unit ? 20 : 30;
    if (kind === "text" || kind === "input" || kind === "lcd") return 40;
    return 99;
  };
  const ranked = [...resources]
    .map((r) => ({ r, rank: rank(r) }))
    .filter((x) => x.rank < 99 && asText(x.r.value) !== "")
    .sort((a, b) => a.rank - b.rank);
  return ranked
    .filter((x) => x.rank < 50 || (ranked[0]?.rank ?? 0) >= 50)
    .slice(0, most)
    .map((x) => x.r);
}

/** What a thing without values for a row has instead, in words: "Robot · Position". */
export function rowWords(resources: Iterable<Resource>): string {
  const names: string[] = [];
  for (const r of resources)
    if (chooseWidget(r) !== "fact" && chooseWidget(r) !== "switch") names.push(label(r.name));
  return names.slice(0, 4).join(" · ");
}

/** The control of a row: its first switch that can be written, `led` before others. */
export function rowSwitch(resources: Iterable<Resource>): Resource | undefined {
  let found: Resource | undefined;
  for (const r of resources) {
    if (!canSet(r) || chooseWidget(r) !== "switch") continue;
    if (r.name === "led") return r;
    found ??= r;
  }
  return found;
}
