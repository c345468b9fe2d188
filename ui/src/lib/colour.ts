// Colours as things tell and take them, each in its own spelling.
import { clean } from "./value";

export type RGB = [number, number, number];
type Form = "text" | "hash" | "hex" | "array" | "object";
export interface Colour {
  rgb: RGB;
  form: Form;
  /** What stood between the numbers of "r,g,b". */
  between: string;
}

const isByte = (n: unknown): n is number => typeof n === "number" && Number.isFinite(n) && n >= 0 && n <= 255;

/** "255,128,0", "#ff8000", "ff8000", [255,128,0] or {r,g,b}; null when it is none of them. */
export function parseColour(value: unknown): Colour | null {
  let v = clean(value);
  if (typeof v === "string") {
    const hex = /^(#?)([0-9a-f]{6})$/i.exec(v) ?? /^(#)([0-9a-f]{3})$/i.exec(v);
    if (hex) return { rgb: fromHex(hex[2]!), form: hex[1] ? "hash" : "hex", between: "" };
    const three = /^(?:rgb\()?\s*(\d{1,3})(\s*[,; ]\s*)(\d{1,3})\s*[,; ]\s*(\d{1,3})\s*\)?$/.exec(v);
    if (three) {
      const rgb = [three[1], three[3], three[4]].map(Number) as RGB;
      return rgb.every(isByte) ? { rgb, form: "text", between: three[2]! } : null;
    }
    if (!/^[[{]/.test(v)) return null;
    try {
      v = JSON.parse(v);
    } catch {
      return null;
    }
  }
  if (Array.isArray(v)) {
    const rgb = v.slice(0, 3) as RGB;
    return v.length === 3 && rgb.every(isByte) ? { rgb, form: "array", between: "" } : null;
  }
  if (!v || typeof v !== "object") return null;
  const { r, g, b } = v as Record<string, unknown>;
  return isByte(r) && isByte(g) && isByte(b) ? { rgb: [r, g, b], form: "object", between: "" } : null;
}

function fromHex(hex: string): RGB {
  const full = hex.length === 3 ? [...hex].map((c) => c + c).join("") : hex;
  return [0, 2, 4].map((i) => parseInt(full.slice(i, i + 2), 16)) as RGB;
}

export const toHex = (rgb: RGB): string =>
  "#" + rgb.map((n) => Math.round(n).toString(16).padStart(2, "0")).join("");

/** The colour in the spelling of what the thing itself told. Plain "r,g,b" when it told none. */
export function colourLike(value: unknown, rgb: RGB): unknown {
  const like = parseColour(value);
  const whole = rgb.map(Math.round) as RGB;
  const asJSON = typeof clean(value) === "string";
  switch (like?.form) {
    case "hash":
      return toHex(whole);
    case "hex":
      return toHex(whole).slice(1);
    case "array":
      return asJSON ? JSON.stringify(whole) : whole;
    case "object": {
      const out = { r: whole[0], g: whole[1], b: whole[2] };
      return asJSON ? JSON.stringify(out) : out;
    }
    default:
      return whole.join(like?.between || ",");
  }
}

/** Hue 0 to 360, saturation and brightness 0 to 1. */
export function toHsv([r, g, b]: RGB): { h: number; s: number; v: number } {
  const max = Math.max(r, g, b);
  const d = max - Math.min(r, g, b);
  let h = 0;
  if (d > 0) {
    if (max === r) h = ((g - b) / d + 6) % 6;
    else if (max === g) h = (b - r) / d + 2;
    else h = (r - g) / d + 4;
  }
  return { h: h * 60, s: max === 0 ? 0 : d / max, v: max / 255 };
}

export function fromHsv(h: number, s: number, v: number): RGB {
  const at = (n: number) => {
    const k = (n + h / 60) % 6;
    return Math.round(255 * (v - v * s * Math.max(0, Math.min(k, 4 - k, 1))));
  };
  return [at(5), at(3), at(1)];
}
