import type { Device } from "./playedboard.mjs";
export class PlayedROM implements Device {
  constructor(options?: { deaf?: boolean; spoil?: boolean; after?: Device | null });
  flash: Uint8Array;
  erased: number;
  resets: number;
  running?: boolean;
  usb: { usbVendorId: number; usbProductId: number };
  attach(say: (bytes: string) => void): void;
  detach(): void;
  hear(bytes: string): void;
  signals(s: object): void;
  rate(baud: number): void;
}
