// Cameras are told apart by their address: a file with a picture's ending is a still, all else a stream.

export function isStill(url: string): boolean {
  try {
    return /\.(jpe?g|png|webp|gif|bmp)$/i.test(new URL(url, "http://x").pathname);
  } catch {
    return false;
  }
}

/** The address of a still that no cache has seen. */
export function stillAt(url: string, now: number): string {
  const [before = "", fragment] = url.split("#", 2);
  return `${before}${before.includes("?") ? "&" : "?"}_=${now}${fragment ? "#" + fragment : ""}`;
}

/** Of whom a picture from this address is asked; people agree to it by this name. */
export function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return "";
  }
}
