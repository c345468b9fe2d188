// A small lively fleet, in memory, for development and tests.
const minute = 60_000;

const wave =
  (base, swing, period, noise = 0.02) =>
  (t) =>
    base +
    swing * Math.sin((2 * Math.PI * t) / period) +
    swing * noise * Math.sin(t / 977) +
    swing * 0.1 * Math.sin(t / 61_000);

const num = (f, digits, unit = "", extra = {}) => ({
  kind: "number",
  unit,
  digits,
  at: f,
  writable: false,
  ...extra,
});
const fact = (value) => ({ kind: "text", value, writable: false });

const room = (name, board = "samr21-xpro") => ({
  name: fact(name),
  os: fact("riot"),
  board: fact(board),
  mcu: fact("samd21"),
});

export const shapes = [
  {
    id: "ABCDEF012345678",
    protocol: "CoAP",
    tags: ["sensors"],
    every: 5000,
    resources: {
      ...room("greenhouse-north"),
      temperature: num(wave(21.4, 4, 40 * minute), 1, "°C"),
      humidity: num(wave(63, 9, 33 * minute), 2, "%"),
      pressure: num(wave(1013.2, 2, 90 * minute), 2, "hPa"),
      led: { kind: "number", value: "0", writable: true },
      position: { kind: "json", value: { lat: 48.714784, lng: 2.205502 }, writable: false },
    },
  },
  {
    id: "28CDC10A9B10203",
    protocol: "CoAP",
    tags: ["lab", "bench"],
    every: 2000,
    resources: {
      ...room("bench-pico", "rpi-pico"),
      version: fact("1.4.0"),
      vendor: fact("roost"),
      distance: num(wave(184, 60, 4 * minute), 0, "mm"),
      light: num(wave(320, 120, 12 * minute), 0, "lx"),
      led: { kind: "number", value: "1", writable: true },
      suit_state: { kind: "number", value: "6", writable: false },
      dwnld: { kind: "number", value: 62, unit: "%", writable: false },
    },
  },
  {
    id: "548a0b4e-1d9c-4a37-9a6e-0d7a7e1f2c11",
    protocol: "WebSocket",
    tags: ["lab"],
    every: 3000,
    resources: {
      name: fact("rover"),
      os: fact("micropython"),
      robot: { kind: "text", value: "s", writable: true },
      ribot: { kind: "text", value: "ready", writable: true },
      battery: num(wave(78, 6, 60 * minute), 0, "%"),
      js: {
        kind: "text",
        value: "var on = false;\nsetInterval(function () {\n  on = !on;\n  led.write(on);\n}, 500);\n",
        writable: true,
      },
      imu: { kind: "json", imu: true, writable: false },
      armed: { kind: "boolean", value: false, writable: true },
    },
  },
  {
    id: "9C0F2210BEEF001",
    protocol: "CoAP",
    tags: ["sensors", "roof"],
    every: 5000,
    resources: {
      ...room("attic weather"),
      temperature: num(wave(11, 5, 55 * minute), 1, "°C"),
      pressure: num(wave(1012.8, 2, 90 * minute), 2, "hPa"),
      position: { kind: "text", value: '{"lat":48.71552,"lng":2.20691}', writable: false },
    },
  },
  {
    id: "9C0F2210BEEF002",
    protocol: "CoAP",
    tags: ["sensors"],
    every: 5000,
    resources: {
      ...room("gas meeting-room"),
      eco2: num(wave(640, 180, 25 * minute), 0, "ppm"),
      tvoc: num(wave(42, 20, 19 * minute), 0, "ppb"),
      text: { kind: "text", value: "Window open since 10:42", writable: true },
      position: { kind: "json", value: { lat: 48.71396, lng: 2.20412 }, writable: false },
    },
  },
  {
    id: "ws-kitchen-1",
    protocol: "WebSocket",
    tags: ["home"],
    every: 4000,
    resources: {
      name: fact("kitchen lamp"),
      os: fact("android"),
      led: { kind: "boolean", value: true, writable: true },
      dimmer: num(wave(70, 0, minute), 0, "%", { writable: true }),
      power: num(wave(8.4, 0.6, 6 * minute), 2, "W"),
      webcam: { kind: "text", value: "", picture: "/mock/stream", writable: false },
      config: {
        kind: "json",
        value: { fade: 400, scenes: ["dinner", "morning"], limits: { max: 90 } },
        writable: true,
      },
    },
  },
  {
    id: "studio",
    protocol: "MQTT",
    tags: ["home"],
    every: 4000,
    address: "192.168.1.77:51007",
    resources: {
      name: fact("studio light"),
      os: fact("micropython"),
      board: fact("rpi-pico-w"),
      id: fact("studio"),
      version: fact("2.3.1"),
      rgb: { kind: "text", value: "255,140,40", writable: true },
      lcd: { kind: "text", value: "Good morning\n21.4 C   63 %", writable: true },
      servo: { kind: "number", value: 90, unit: "°", writable: true },
      led: { kind: "number", value: 1, writable: true },
      temperature: num(wave(22.4, 1.2, 40 * minute), 1, "°C"),
    },
  },
  {
    id: "roof-7",
    protocol: "MQTT-SN",
    gateway: "roof",
    tags: ["roof"],
    every: 6000,
    address: "[fd00::4:7]:1883",
    resources: {
      ...room("roof station", "iotlab-m3"),
      temperature: num(wave(7.5, 4, 50 * minute), 1, "°C"),
      illuminance: num(wave(480, 220, 45 * minute), 0, "lx"),
      tsp: num(wave(112, 40, 21 * minute), 0, "g/m3"),
      tlp: num(wave(38, 12, 27 * minute), 0, "g/m3"),
      uvindex: num(wave(3.2, 1, 60 * minute), 1),
      position: { kind: "json", value: { lat: 48.7129, lng: 2.2102 }, writable: false },
    },
  },
  {
    id: "9C0F2210BEEF003",
    protocol: "CoAP",
    tags: [],
    every: 0,
    offline: 22 * minute,
    resources: { ...room("attic"), temperature: num(wave(9, 2, 50 * minute), 1, "°C") },
  },
  { id: "28CDC10A9B10277", protocol: "CoAP", waiting: true, address: "[fd00::28cd:c10a:9b10:277]:5683" },
  {
    id: "548a0b4e-77aa-4c01-8d2e-b1a2c3d4e5f6",
    protocol: "WebSocket",
    waiting: true,
    address: "192.168.1.61:50214",
  },
];

/** n more things of a few kinds, for large fleets. */
export function crowd(n) {
  const out = [];
  for (let i = 0; i < n; i++) {
    const name = `node-${String(i + 1).padStart(4, "0")}`;
    out.push({
      id: `C0FFEE${i.toString(16).toUpperCase().padStart(9, "0")}`,
      protocol: i % 7 === 0 ? "WebSocket" : "CoAP",
      tags: [`site-${(i % 9) + 1}`],
      every: 5000 + (i % 50) * 400,
      offline: i % 13 === 0 ? (i % 600) * 1000 + 130_000 : 0,
      resources: {
        ...room(name),
        temperature: num(wave(20 + (i % 8), 3, (20 + (i % 30)) * minute), 1, "°C"),
        humidity: num(wave(50 + (i % 20), 8, (25 + (i % 30)) * minute), 1, "%"),
        ...(i % 3 === 0 ? { led: { kind: "number", value: i % 2 ? "1" : "0", writable: true } } : {}),
      },
    });
  }
  return out;
}

/** A rover on rough ground: rolls and pitches a little, and slowly turns. */
function motion(s) {
  const [roll, pitch] = [0.42 * Math.sin(s / 1.3), 0.28 * Math.sin(s / 1.9)];
  const [dRoll, dPitch, dYaw] = [0.32 * Math.cos(s / 1.3), 0.15 * Math.cos(s / 1.9), 0.22];
  const g = 1000 + 25 * Math.sin(s * 9);
  const acc = [
    -g * Math.sin(pitch),
    g * Math.sin(roll) * Math.cos(pitch),
    g * Math.cos(roll) * Math.cos(pitch),
  ];
  const gyro = [dRoll, dPitch, dYaw].map((r) => (r * 150) / Math.PI);
  return [
    { type: "acc", values: acc.map(Math.round) },
    { type: "gyro", values: gyro.map((x) => Math.round(x * 10) / 10) },
    { type: "mag", values: [22, -5, 41] },
  ];
}

/** The Resource the API shows at time t. */
export function resource(name, spec, t) {
  const out = { name, at: t, kind: spec.kind, writable: spec.writable };
  if (spec.at) {
    const x = Number(spec.at(t).toFixed(spec.digits));
    out.number = x;
    out.value = spec.unit ? `${x.toFixed(spec.digits)}${spec.unit}` : x;
  } else if (spec.imu) {
    out.value = JSON.stringify(motion(t / 1000));
  } else {
    out.value = spec.value;
    if (spec.kind === "number") out.number = Number(spec.value);
  }
  if (spec.unit) out.unit = spec.unit;
  return out;
}
