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
      webcam: { kind: "text", value: "http://192.168.1.44/stream.mjpg", writable: false },
      config: {
        kind: "json",
        value: { fade: 400, scenes: ["dinner", "morning"], limits: { max: 90 } },
        writable: true,
      },
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

/** The Resource the API shows at time t. */
export function resource(name, spec, t) {
  const out = { name, at: t, kind: spec.kind, writable: spec.writable };
  if (spec.at) {
    const x = Number(spec.at(t).toFixed(spec.digits));
    out.number = x;
    out.value = spec.unit ? `${x.toFixed(spec.digits)}${spec.unit}` : x;
  } else if (spec.imu) {
    const s = t / 1000;
    const v = (a, p) => [0, 1, 2].map((i) => Math.round(a * Math.sin(s / p + i)));
    out.value = JSON.stringify([
      { type: "acc", values: v(980, 3) },
      { type: "gyro", values: v(220, 2) },
      { type: "mag", values: v(45, 9) },
    ]);
  } else {
    out.value = spec.value;
    if (spec.kind === "number") out.number = Number(spec.value);
  }
  if (spec.unit) out.unit = spec.unit;
  return out;
}
