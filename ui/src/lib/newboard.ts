// What an installer needs of this server: a thing for a new board, the files of the runtime, firmware. Types and calls.
import { ApiError, call, query } from "./api";
import { refusal, upload } from "./upload";

export interface NewBoard {
  name?: string;
  app?: string;
  pool?: string;
}
export interface MadeBoard {
  id: string;
  /** 64 hexadecimal digits; told only here. */
  key: string;
  /** Of the access point that it opens for its set-up. */
  apPassword: string;
  /** Where boards find this server, as it thinks. */
  server: string;
  servers: string[];
}
export interface RuntimeFile {
  path: string;
  sha256: string;
  /** Base64. */
  data: string;
}
export interface Runtime {
  version: string;
  files: RuntimeFile[];
  /** Base64 in data. */
  image?: { sha256: string; data: string };
}
export interface Firmware {
  name: string;
  size: number;
  chip: string;
  kind: "esp" | "uf2";
  offset: number;
  added: number;
}

const named = (name: string): string => "/firmware/" + encodeURIComponent(name);

export const newBoards = {
  make: (b: NewBoard) => call<MadeBoard>("POST", "/boards", b),
  files: (mpy: number) =>
    call<Runtime>("GET", "/runtime/files" + query({ profile: "full", mpy: mpy || undefined })),
  /** For an ESP8266: the most of it as an image. */
  image: () => call<Runtime>("GET", "/runtime/files" + query({ rom: true })),
  firmware: () => call<{ firmware: Firmware[] }>("GET", "/firmware"),
  removeFirmware: (name: string) => call<void>("DELETE", named(name)),
  firmwareAt: (name: string) => "/api/v2" + named(name),
  async fetchFirmware(name: string): Promise<Uint8Array> {
    return new Uint8Array(await (await answer("GET", named(name))).arrayBuffer());
  },
  /** A zip with the runtime, a key and run.sh, for a computer. */
  async pack(b: NewBoard & { name: string; server?: string }): Promise<{ zip: Blob; file: string }> {
    const res = await answer("POST", "/boards/pack", { ...b, platform: "python" });
    const file = /filename="?([^";]+)/.exec(res.headers.get("Content-Disposition") ?? "")?.[1];
    return { zip: await res.blob(), file: file ?? "roost-thing.zip" };
  },
};

// For answers that are no JSON.
async function answer(method: string, path: string, body?: unknown): Promise<Response> {
  const res = await fetch("/api/v2" + path, {
    method,
    credentials: "same-origin",
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
  }).catch(() => {
    throw new ApiError(
      0,
      "The server cannot be reached. Check that it runs and that this device has a network.",
    );
  });
  if (!res.ok) throw new ApiError(res.status, refusal(await res.text(), res.status));
  return res;
}

/** Puts a file on the firmware shelf. */
export const uploadFirmware = (file: File, progress: (share: number) => void) =>
  upload("/firmware" + query({ name: file.name }), "application/octet-stream", file, progress);
