// New boards as the mock has them: things that are made before they come, the files of a runtime, the firmware shelf.
import { createHash, randomBytes } from "node:crypto";
import { Problem } from "./problem.mjs";

const runtime = {
  "boot.py": "import sys\nsys.path.insert(0, '/_f')\n",
  "main.py": "from rt import main\nmain.main()\n",
  "_f/rt/__init__.py": 'VERSION = "1.0.0"\n',
  "_f/rt/main.mpy": randomBytes(3000),
  "_f/platform.py": "# the platform\n".repeat(60),
};
export const image = Buffer.concat([Buffer.from([0xd2, 0xcd, 0x31]), randomBytes(3001)]);
const chips = [
  [/^ESP32_GENERIC_S3/i, "esp32s3", 0],
  [/^ESP32_GENERIC_C3/i, "esp32c3", 0],
  [/^ESP32/i, "esp32", 0x1000],
  [/^ESP8266/i, "esp8266", 0],
  [/^RPI_PICO/i, "rp2040", 0],
];

export class NewBoards {
  constructor(mock, empty) {
    this.mock = mock;
    this.keys = new Map();
    this.shelf = new Map();
    if (empty) return;
    this.put("ESP32_GENERIC-20260406-v1.28.0.bin", randomBytes(30_000), Date.now() - 40 * 864e5);
    this.put(
      "ESP8266_GENERIC-FLASH_2M_ROMFS-20260406-v1.28.0.bin",
      randomBytes(25_000),
      Date.now() - 30 * 864e5,
    );
    this.put("RPI_PICO_W-20260406-v1.28.0.uf2", randomBytes(20_000), Date.now() - 40 * 864e5);
  }
  put(name, data, added = Date.now()) {
    const uf2 = name.endsWith(".uf2");
    if (!uf2) data.set([0xe9, 4, 2, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    const [, chip, offset] = chips.find(([is]) => is.test(name)) ?? [, "esp32", 0x1000];
    const shown = { name, size: data.length, chip, kind: uf2 ? "uf2" : "esp", offset, added };
    this.shelf.set(name, { data, shown });
    return shown;
  }
  make(c) {
    const id = "board-" + this.mock.id().slice(0, 6);
    const t = this.mock.addThing({ id, protocol: "Roost", offline: 1, address: "", resources: {} });
    Object.assign(t, {
      online: false,
      first: Date.now(),
      last: Date.now(),
      since: Date.now(),
      given: c.body.name ?? "",
    });
    this.keys.set(id, { key: randomBytes(32).toString("hex"), ...c.body });
    this.mock.changed(t);
    return id;
  }
  /** The board with that key calls. */
  come(id) {
    const t = this.mock.things.get(id);
    if (!t) return;
    Object.assign(t, { online: true, last: Date.now(), since: Date.now(), address: "192.0.2.60" });
    this.mock.changed(t);
  }

  routes = [
    [
      "POST",
      /^\/boards$/,
      (c) => {
        const id = this.make(c);
        const server = "http://192.0.2.1:8080";
        const { key } = this.keys.get(id);
        return { status: 201, body: { id, key, apPassword: "moss-2471-fern", server, servers: [server] } };
      },
    ],
    [
      "POST",
      /^\/boards\/pack$/,
      (c) => {
        this.make(c);
        const file = c.body.name.replace(/\W+/g, "-").toLowerCase() + ".zip";
        return {
          raw: Buffer.from("PK\x05\x06" + "\0".repeat(18), "latin1"),
          headers: {
            "Content-Type": "application/zip",
            "Content-Disposition": `attachment; filename="${file}"`,
          },
        };
      },
    ],
    [
      "GET",
      /^\/runtime\/files$/,
      (c) => {
        this.asked = Object.fromEntries(c.query);
        const sent = (data) => ({
          sha256: createHash("sha256").update(data).digest("hex"),
          data: Buffer.from(data).toString("base64"),
        });
        const rom = this.asked.rom === "true";
        return {
          version: "1.0.0",
          files: Object.entries(runtime)
            .filter(([path]) => !rom || !path.startsWith("_f/"))
            .map(([path, data]) => ({ path, ...sent(data) })),
          ...(rom && { image: sent(image) }),
        };
      },
    ],
    ["GET", /^\/firmware$/, () => ({ firmware: [...this.shelf.values()].map((f) => f.shown) })],
    [
      "POST",
      /^\/firmware$/,
      (c) => {
        const name = c.query.get("name");
        if (!/\.(bin|uf2)$/.test(name))
          throw new Problem(422, `${name} is no firmware: it ends in .bin or .uf2.`);
        return { status: 201, body: this.put(name, c.bytes) };
      },
    ],
    [
      "GET",
      /^\/firmware\/([^/]+)$/,
      (c) => {
        const f = this.shelf.get(c.args[0]);
        if (!f) throw new Problem(404, `There is no firmware ${c.args[0]} on the shelf.`);
        return { raw: f.data, headers: { "Content-Type": "application/octet-stream" } };
      },
    ],
    ["DELETE", /^\/firmware\/([^/]+)$/, (c) => (this.shelf.delete(c.args[0]), null)],
  ];
}
