// Pictures made up on the spot: map tiles, and a camera that shows the time going by.
import { crc32, deflateSync } from "node:zlib";

/** A PNG of w x h pixels; at(x, y) gives [r, g, b]. */
export function png(w, h, at) {
  const raw = Buffer.alloc(h * (1 + w * 3));
  for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) raw.set(at(x, y), y * (1 + w * 3) + 1 + x * 3);
  const chunk = (type, data) => {
    const out = Buffer.alloc(12 + data.length);
    out.writeUInt32BE(data.length);
    out.write(type, 4, "latin1");
    data.copy(out, 8);
    out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
    return out;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(w, 0);
  head.writeUInt32BE(h, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk("IHDR", head),
    chunk("IDAT", deflateSync(raw)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** Something like land, water and streets, the same at every zoom. */
export function tile(z, x, y) {
  const scale = 2 ** (16 - z);
  return png(256, 256, (px, py) => {
    const gx = (x * 256 + px) * scale;
    const gy = (y * 256 + py) * scale;
    const lie = Math.sin(gx / 410) + Math.sin(gy / 370) + Math.sin((gx + gy) / 290);
    if (lie < -1.6) return [170, 211, 223];
    const bend = 40 * Math.sin(gx / 130);
    const street = Math.min(Math.abs((gx + gy / 3) % 190), Math.abs((gy + bend) % 160)) / scale;
    if (street < 6) return [255, 255, 255];
    return lie > 1.2 ? [200, 223, 178] : [242, 239, 233];
  });
}

/** A view over a greenhouse at dusk, more or less, with a bar that moves with the seconds. */
export function frame(now) {
  const w = 320;
  const h = 240;
  const bar = Math.round(((now / 1000) % 10) * (w / 10));
  return png(w, h, (x, y) => {
    if (y > h - 8) return x < bar ? [233, 180, 76] : [30, 34, 42];
    if (y < 130) return [40 + y * 0.9, 60 + y * 0.6, 96 + y * 0.2];
    const roof = Math.abs((x % 80) - 40) * 0.7;
    if (y < 150 + roof) return [24, 52, 50];
    const row = Math.sin(((x - 160) / (y - 100)) * 14);
    return row > 0.2 ? [58, 120, 66] : [74, 58, 44];
  });
}

/** Streams frames as cameras do, until the reader goes. */
export function mjpeg(res) {
  res.writeHead(200, { "Content-Type": "multipart/x-mixed-replace; boundary=frame" });
  const send = () => {
    const picture = frame(Date.now());
    res.write(`--frame\r\nContent-Type: image/png\r\nContent-Length: ${picture.length}\r\n\r\n`);
    res.write(picture);
    res.write("\r\n");
  };
  send();
  const timer = setInterval(send, 500).unref();
  res.on("close", () => clearInterval(timer));
}
