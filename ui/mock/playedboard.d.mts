import type { Port } from "../src/lib/serial/port";
export interface Device {
  usb?: { usbVendorId?: number; usbProductId?: number };
  attach(say: (bytes: string) => void): void;
  detach(): void;
  hear(bytes: string): void;
  signals(s: object): void;
  rate(baud: number): void;
}
export class PlayedBoard implements Device {
  constructor(options?: Record<string, unknown>);
  files: Map<string, Uint8Array>;
  boots: number;
  resets?: number;
  empties?: number;
  rom: Uint8Array | null;
  heard: string;
  overrun?: boolean;
  usb: { usbVendorId: number; usbProductId: number };
  attach(say: (bytes: string) => void): void;
  detach(): void;
  hear(bytes: string): void;
  signals(s: object): void;
  rate(baud: number): void;
  say(text: string): void;
  text(name: string): string | undefined;
}
export function portOf(device: Device): Port & { lose(): void };
