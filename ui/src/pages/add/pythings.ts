// What a PythingsOS device has to be told, and how, for each platform. No I/O.
import { isLoopback } from "./kinds";

export type PlatformName = "esp32" | "esp8266" | "sim800" | "python" | "micropython";
export interface IdFile {
  name: string;
  text: string;
}
export interface Platform {
  name: PlatformName;
  word: string;
  note: string;
  /** Runs on a computer: files in the home, no serial port. */
  computer: boolean;
  /** Names of the platform on the shelf. */
  shelf: string[];
  /** The lines that put the files there. */
  write: (files: IdFile[]) => string;
}

const onComputer = (files: IdFile[]): string =>
  ["mkdir -p ~/.pythings", ...files.map((f) => `echo ${f.text} > ~/.pythings/${f.name}`)].join("\n");
const onBoard = (files: IdFile[]): string =>
  [
    ...files.map((f) => `echo ${f.text} > ${f.name}`),
    `mpremote connect PORT cp ${files.map((f) => f.name).join(" ")} :`,
  ].join("\n");

export const platforms: Platform[] = [
  {
    name: "esp32",
    word: "ESP32",
    note: "Wi-Fi, TLS and room for bigger apps. The board to take when there is a choice.",
    computer: false,
    shelf: ["esp32"],
    write: onBoard,
  },
  {
    name: "esp8266",
    word: "ESP8266",
    note: "Wi-Fi, 1 MB of flash or more. Take the frozen build: it has TLS and leaves apps about 24 kB instead of 12.",
    computer: false,
    shelf: ["esp8266"],
    write: onBoard,
  },
  {
    name: "sim800",
    word: "SIM800",
    note: "An ESP32 or ESP8266 with a SIM800 modem. Over the modem it speaks plain HTTP only: leave TLS and payload encryption off in its pool.",
    computer: false,
    shelf: ["esp32_sim800", "esp8266_sim800"],
    write: onBoard,
  },
  {
    name: "python",
    word: "Python",
    note: "A computer with CPython 3.6 or newer. Its TLS works up to 3.11; from 3.12 on it is told to go without, below.",
    computer: true,
    shelf: ["Python"],
    write: onComputer,
  },
  {
    name: "micropython",
    word: "MicroPython",
    note: "MicroPython’s build for Unix, to try on a computer what runs on boards.",
    computer: true,
    shelf: ["MicroPython"],
    write: onComputer,
  },
];

/** host[:port] without a scheme, as devices want it. */
export function backendFor(host: string, told: string): string {
  const port = /:(\d+)$/.exec(told)?.[1] ?? "";
  if (!host || isLoopback(host) || host === told.replace(/:\d+$/, "")) {
    const name = host || told.replace(/:\d+$/, "");
    return port ? `${name}:${port}` : name;
  }
  return /:\d+$/.test(host) || !port ? host : `${host}:${port}`;
}

export function ids({ aid, backend, tid }: { aid: string; backend: string; tid: string }): IdFile[] {
  const out: IdFile[] = [{ name: "aid", text: aid }];
  if (tid) out.push({ name: "tid", text: shellSafe(tid) });
  out.push({ name: "backend", text: backend });
  return out;
}
/** As it stands behind echo: quoted where the shell would read it otherwise. */
const shellSafe = (t: string): string => (/^[\w.:-]+$/.test(t) ? t : `'${t.replaceAll("'", "'\\''")}'`);
