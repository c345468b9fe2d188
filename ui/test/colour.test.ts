import { expect, test } from "vitest";
import { colourLike, fromHsv, parseColour, toHex, toHsv, type RGB } from "../src/lib/colour";

test.each<[string, unknown, RGB | null]>([
  ["numbers", "255,128,0", [255, 128, 0]],
  ["numbers with air and NULs", " 1, 2, 3\0\0", [1, 2, 3]],
  ["numbers with semicolons", "1;2;3", [1, 2, 3]],
  ["rgb(…)", "rgb(9, 8, 7)", [9, 8, 7]],
  ["a hash", "#FF8000", [255, 128, 0]],
  ["a short hash", "#f80", [255, 136, 0]],
  ["hex without a hash", "ff8000", [255, 128, 0]],
  ["an array", [1, 2, 3], [1, 2, 3]],
  ["an array as text", "[1,2,3]", [1, 2, 3]],
  ["an object", { r: 1, g: 2, b: 3 }, [1, 2, 3]],
  ["an object as text", '{"r":1,"g":2,"b":3}', [1, 2, 3]],
  ["a number too large", "256,0,0", null],
  ["two numbers", "1,2", null],
  ["four numbers", [1, 2, 3, 4], null],
  ["three digits, which are a number", "123", null],
  ["broken JSON", "[1,2", null],
  ["nothing", null, null],
])("reads %s", (_what, value, want) => {
  expect(parseColour(value)?.rgb ?? null).toEqual(want);
});

test.each<[unknown, unknown]>([
  ["0,0,0", "255,128,0"],
  ["0, 0, 0", "255, 128, 0"],
  ["0;0;0", "255;128;0"],
  ["#000000", "#ff8000"],
  ["000000", "ff8000"],
  [
    [0, 0, 0],
    [255, 128, 0],
  ],
  ["[0,0,0]", "[255,128,0]"],
  [
    { r: 0, g: 0, b: 0 },
    { r: 255, g: 128, b: 0 },
  ],
  ['{"r":0,"g":0,"b":0}', '{"r":255,"g":128,"b":0}'],
  ["", "255,128,0"],
])("a thing that says %j is sent %j", (now, want) => {
  expect(colourLike(now, [255, 128, 0])).toEqual(want);
});

test("hue, saturation and brightness go there and back", () => {
  for (const rgb of [
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
    [255, 128, 0],
    [12, 200, 99],
    [255, 255, 255],
    [0, 0, 0],
    [7, 7, 9],
  ] as RGB[]) {
    const { h, s, v } = toHsv(rgb);
    expect(fromHsv(h, s, v)).toEqual(rgb);
  }
  expect(toHex([255, 128, 0])).toBe("#ff8000");
});
