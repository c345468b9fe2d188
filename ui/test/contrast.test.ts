import { describe, expect, test } from "vitest";
import css from "../src/tokens.css?raw";

// Text in these colours stands on these grounds somewhere in the pages.
const grounds = ["paper", "surface", "raised"];
const texts = ["ink", "muted", "accent", "yolk", "ember", "moss", "plum", "slate", "rose"];
const pairs: [string, string][] = [
  ...texts.flatMap((t) => grounds.map((g): [string, string] => [t, g])),
  ["on-accent", "accent"],
  ["on-ember", "ember"],
  ["accent", "accent-soft"],
  ["ink", "accent-soft"],
  ["muted", "accent-soft"],
  ["yolk", "yolk-soft"],
  ["ember", "ember-soft"],
  ["moss", "moss-soft"],
  ["ink", "glow"],
  ["muted", "glow"],
  ["paper", "ink"],
];

function tokens(block: string): Map<string, string> {
  return new Map([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})\s*;/gi)].map((m) => [m[1]!, m[2]!]));
}
const [, light = "", dark = ""] = css.split(/:root[^{]*\{/);
const themes = { light: tokens(light), dark: new Map([...tokens(light), ...tokens(dark)]) };

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((i) => {
    const c = parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}
function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high! + 0.05) / (low! + 0.05);
}

test("the formula agrees with WCAG's ends", () => {
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 5);
  expect(contrast("#777777", "#777777")).toBe(1);
});

describe.each(Object.entries(themes))("%s theme", (_name, set) => {
  test.each(pairs)("%s on %s reaches 4.5:1", (text, ground) => {
    expect(set.get(text), text).toBeDefined();
    expect(set.get(ground), ground).toBeDefined();
    expect(contrast(set.get(text)!, set.get(ground)!)).toBeGreaterThanOrEqual(4.5);
  });
  test("edges of controls reach 3:1", () => {
    for (const g of grounds) expect(contrast(set.get("line-strong")!, set.get(g)!)).toBeGreaterThanOrEqual(3);
  });
});
