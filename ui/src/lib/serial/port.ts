// A serial port as Web Serial has it, as far as it is used here: the browser's own, or one that a test plays.

export interface Signals {
  dataTerminalReady?: boolean;
  requestToSend?: boolean;
  break?: boolean;
}
export interface Port {
  readonly readable: ReadableStream<Uint8Array> | null;
  readonly writable: WritableStream<Uint8Array> | null;
  open(options: { baudRate: number; bufferSize?: number }): Promise<void>;
  close(): Promise<void>;
  setSignals(signals: Signals): Promise<void>;
  getInfo(): { usbVendorId?: number; usbProductId?: number };
}
export interface Ports {
  requestPort(): Promise<Port>;
}

/** The bits per second that boards and loaders begin with. */
export const usual = 115200;

/** What keeps this page from a serial port: nothing (""), the browser, or the way that it came here. */
export type Hindrance = "" | "browser" | "insecure";

export function hindrance(w: { isSecureContext: boolean; navigator: object } = window): Hindrance {
  if ("serial" in w.navigator) return "";
  return w.isSecureContext ? "browser" : "insecure";
}

export const ports = (): Ports => (navigator as unknown as { serial: Ports }).serial;

/** Chromium has Web Serial on computers; no other engine can be counted on, and no phone. */
export function mayHave(agent: string): boolean {
  return /Chrom(e|ium)\/\d/.test(agent) && !/Android|Mobile/.test(agent);
}

// What boards have at their USB port. The bridges carry a UART with DTR and RTS wired to the chip's reset.
const makers: [vendor: number, product: number, chip: string, bridge: boolean][] = [
  [0x10c4, 0xea60, "Silicon Labs CP2102/CP2104", true],
  [0x10c4, 0, "Silicon Labs CP210x", true],
  [0x1a86, 0x7523, "WCH CH340", true],
  [0x1a86, 0x5523, "WCH CH341", true],
  [0x1a86, 0x55d4, "WCH CH9102", true],
  [0x1a86, 0x55d3, "WCH CH343", true],
  [0x1a86, 0, "WCH", true],
  [0x0403, 0x6001, "FTDI FT232R", true],
  [0x0403, 0x6015, "FTDI FT231X", true],
  [0x0403, 0, "FTDI", true],
  [0x067b, 0, "Prolific PL2303", true],
  [0x303a, 0x1001, "Espressif, the chip’s own USB", false],
  [0x303a, 0, "Espressif, the chip’s own USB", false],
  [0x2e8a, 0x0005, "Raspberry Pi Pico with MicroPython", false],
  [0x2e8a, 0, "Raspberry Pi Pico", false],
  [0xf055, 0, "MicroPython board", false],
];

export interface Cable {
  /** In words: "WCH CH340". */
  name: string;
  /** "1A86:7523", or "". */
  ids: string;
  bridge: boolean;
  /** A Pico, which has no loader that this page could speak to. */
  pico: boolean;
}

export function cableOf(port: Port): Cable {
  const { usbVendorId: vendor, usbProductId: product } = port.getInfo();
  if (vendor === undefined) return { name: "a serial port without USB", ids: "", bridge: true, pico: false };
  const hex = (n = 0) => n.toString(16).toUpperCase().padStart(4, "0");
  const known = makers.find(([v, p]) => v === vendor && (p === 0 || p === product));
  return {
    name: known?.[2] ?? "an unknown USB chip",
    ids: `${hex(vendor)}:${hex(product)}`,
    bridge: known?.[3] ?? true,
    pico: vendor === 0x2e8a,
  };
}
