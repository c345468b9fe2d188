// MicroPython onto a chip of Espressif, by the loader in its ROM. esptool-js is large: it comes when this is called.
import { misfit, offsetOf } from "./chips";
import { md5 } from "./md5";
import { usual, type Port } from "./port";
import { pause } from "./wire";

export interface Flashing {
  erase: boolean;
  baud?: number;
  /** What it is at, in words, and how much of it is done, 0 to 1; -1: it does not tell. */
  tell: (act: string, share: number) => void;
  /** Lines of the loader, for who wants to read them. */
  log?: (line: string) => void;
}

/** Writes a whole firmware and gives the name of the chip. The port is closed before and after. */
export async function flash(port: Port, file: Uint8Array, o: Flashing): Promise<string> {
  const { ESPLoader, Transport } = await import("esptool-js");
  const transport = new Transport(port as never, false);
  transport.trace = () => {}; // it would talk to the browser's console
  const loader = new ESPLoader({
    transport,
    baudrate: o.baud ?? usual,
    romBaudrate: usual,
    debugLogging: false,
    terminal: { clean() {}, write: (s) => o.log?.(s), writeLine: (s) => o.log?.(s) },
  });
  try {
    o.tell("Looking for the loader of the chip", -1);
    await loader.main();
    const chip = loader.chip.CHIP_NAME;
    const fault = misfit(file, chip);
    if (fault) throw new Error(`${fault} Nothing was written.`);
    if (o.erase) {
      o.tell("Erasing the flash, which takes up to a minute", -1);
      await loader.eraseFlash();
    }
    o.tell("Writing", 0);
    const old = chip === "ESP8266"; // its firmware is told the size of the flash, and dio
    await loader.writeFlash({
      fileArray: [{ data: file, address: offsetOf(chip) }],
      flashMode: old ? "dio" : "keep",
      flashFreq: "keep",
      flashSize: old ? "detect" : "keep",
      eraseAll: false,
      compress: true,
      calculateMD5Hash: md5,
      reportProgress: (_, done, all) => o.tell("Writing", all ? done / all : 0),
    });
    o.tell("Starting MicroPython", -1);
    // Its own "hard_reset" only lets RTS go, which is not held after the usual way into the loader.
    await transport.setSignals(false, true);
    await pause(100);
    await transport.setSignals(false, false);
    return chip;
  } catch (err) {
    throw new Error(inWords(err));
  } finally {
    await transport.disconnect().catch(() => {}); // it may be closed already
  }
}

function inWords(err: unknown): string {
  const said = err instanceof Error ? err.message : String(err);
  if (/Failed to connect|serial noise|No serial data/.test(said))
    return "The chip’s loader does not answer. Hold the button BOOT (FLASH, GPIO0), press RESET (EN) shortly, and try again with BOOT still held.";
  if (/MD5/.test(said))
    return "What is on the flash is not what was sent. Try a lower rate, another cable, or a port of the computer itself.";
  return said;
}
