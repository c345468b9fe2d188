// esptool-js itself, called as the page calls it, against a loader that is played at the port.
import { describe, expect, test, vi } from "vitest";
import { PlayedBoard, portOf } from "../mock/playedboard.mjs";
import { PlayedROM } from "../mock/playedrom.mjs";
import { flash } from "../src/lib/serial/flash";
import { Board } from "../src/lib/serial/board";
import { Wire } from "../src/lib/serial/wire";

vi.setConfig({ testTimeout: 120_000 }); // a busy machine is slow
const firmware = Uint8Array.from({ length: 40_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
firmware.set([0xe9, 4, 2, 0x20]);
firmware.set([0, 0], 12);

describe("firmware onto a played chip", () => {
  test("erased, written at its offset, checked, started: then MicroPython answers", async () => {
    const rom = new PlayedROM({ after: new PlayedBoard() });
    const port = portOf(rom);
    const acts: string[] = [];
    let last = 0;
    const chip = await flash(port, firmware, {
      erase: true,
      tell: (act, share) => {
        if (acts.at(-1) !== act) acts.push(act);
        if (act === "Writing") last = share;
      },
    });
    expect(chip).toBe("ESP32");
    expect(rom.erased).toBe(1);
    expect([...rom.flash.subarray(0x1000, 0x1000 + firmware.length)]).toEqual([...firmware]);
    expect(acts.map((a) => a.split(" ")[0])).toEqual(["Looking", "Erasing", "Writing", "Starting"]);
    expect(last).toBe(1);
    const wire = await Wire.open(port);
    expect((await Board.open(wire)).about.platform).toBe("esp32");
    await wire.close();
  });
  test("what is not what was sent is said", async () => {
    const port = portOf(new PlayedROM({ spoil: true }));
    await expect(flash(port, firmware, { erase: false, tell() {} })).rejects.toThrow("not what was sent");
    expect(port.readable).toBeNull();
  });
  test("a file for another chip is refused before anything is written", async () => {
    const rom = new PlayedROM();
    const other = firmware.slice();
    other[12] = 9;
    await expect(flash(portOf(rom), other, { erase: true, tell() {} })).rejects.toThrow(
      "Nothing was written",
    );
    expect(rom.erased).toBe(0);
  });
  test("a board whose pins are not wired: the words tell what to press", async () => {
    const port = portOf(new PlayedROM({ deaf: true }));
    await expect(flash(port, firmware, { erase: false, tell() {} })).rejects.toThrow("BOOT");
  });
});
