// Where firmware begins on the flash of a chip, and what a file is for. No I/O.

/** As the loader names them, without dashes and in lower case: esp32s3. */
export const plain = (chip: string): string => chip.toLowerCase().replaceAll("-", "");

/** Where a whole firmware, as micropython.org has it, begins. */
export const offsetOf = (chip: string): number => (["esp32", "esp32s2"].includes(plain(chip)) ? 0x1000 : 0);

// Ids in the head of an image (esp_chip_id_t).
const ids: Record<number, string> = {
  0x0000: "esp32",
  0x0002: "esp32s2",
  0x0005: "esp32c3",
  0x0009: "esp32s3",
  0x000c: "esp32c2",
  0x000d: "esp32c6",
  0x0010: "esp32h2",
  0x0012: "esp32p4",
  0x0017: "esp32c5",
};

/** Why the file is none for this chip; "" if it may be one. */
export function misfit(file: Uint8Array, chip: string): string {
  if (file[0] === 0x55 && file[1] === 0x46 && file[2] === 0x32 && file[3] === 0x0a)
    return "This is a UF2 file, which goes onto a drive; this chip takes a .bin file.";
  if (file[0] !== 0xe9) return "This is no firmware for Espressif’s chips: it does not begin as one.";
  if (plain(chip) === "esp8266") return "";
  const id = (file[12] ?? 0) | ((file[13] ?? 0) << 8);
  const name = ids[id];
  return name && name !== plain(chip) ? `The file is for ${name}, the chip is ${chip}.` : "";
}

const oldest = "1.22"; // the first MicroPython with all that the runtime uses
const oldestIn = "1.25"; // the first that runs it out of a partition

/** What an ESP8266 needs, as its files begin on micropython.org/download/ESP8266_GENERIC. */
export const romFirmware = "ESP8266_GENERIC-FLASH_2M_ROMFS";

/** The chip in the name of a firmware file, as micropython.org calls its files, is an ESP8266. */
export const for8266 = (file: string): boolean => /^esp8266/i.test(file);
/** That one has a partition from which the runtime runs, by its name. */
export const hasPartition = (file: string): boolean => for8266(file) && /ROMFS/i.test(file);

/** Why a board cannot take the runtime as it is, and what helps; "" if it can. */
export function hindered(a: {
  implementation: string;
  version: string;
  platform: string;
  fileSystem: string;
  /** Of the partition for a read-only file system, bytes; 0: there is none. */
  rom: number;
}): string {
  if (a.implementation !== "micropython")
    return `It runs ${a.implementation}; the runtime needs MicroPython ${oldest} or newer.`;
  const esp8266 = a.platform === "esp8266";
  const need = esp8266 ? oldestIn : oldest;
  const from = esp8266 ? ` on an ESP8266, as ${romFirmware}` : "";
  if (olderThan(a.version, need))
    return `The runtime needs MicroPython ${need} or newer${from}; on the board is ${a.version}.`;
  if (a.fileSystem.includes("Fat"))
    return "Its file system is FAT, on which a power cut can leave it without a program. Save your files, then put MicroPython there anew with the flash erased: that makes littlefs.";
  if (esp8266 && a.rom === 0)
    return `This MicroPython has no partition from which the runtime could run, and an ESP8266 has too little memory to load it. Put ${romFirmware} on it instead.`;
  return "";
}

export function olderThan(version: string, than: string): boolean {
  const a = version.split(".").map(Number);
  const b = than.split(".").map(Number);
  for (let i = 0; i < b.length; i++) if ((a[i] ?? 0) !== b[i]) return (a[i] ?? 0) < b[i]!;
  return false;
}
