// MD5 (RFC 1321): the loader's own check of the flash. Browsers have none.
const shifts = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const sines = Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32));

export function md5(data: Uint8Array): string {
  const words = new Uint32Array(((data.length + 8) >> 6) * 16 + 16);
  data.forEach((b, i) => (words[i >> 2]! |= b << (8 * (i % 4))));
  words[data.length >> 2]! |= 0x80 << (8 * (data.length % 4));
  words[words.length - 2] = data.length * 8;
  words[words.length - 1] = Math.floor(data.length / 2 ** 29);
  const sum = new Uint32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]);
  for (let at = 0; at < words.length; at += 16) mix(sum, words.subarray(at, at + 16));
  return [...new Uint8Array(sum.buffer)].map((b) => b.toString(16).padStart(2, "0")).join("");
}

function mix(sum: Uint32Array, block: Uint32Array): void {
  let [a, b, c, d] = sum as unknown as [number, number, number, number];
  for (let i = 0; i < 64; i++) {
    const round = i >> 4;
    const f = [(b & c) | (~b & d), (d & b) | (~d & c), b ^ c ^ d, c ^ (b | ~d)][round]!;
    const g = [i, 5 * i + 1, 3 * i + 5, 7 * i][round]! % 16;
    const x = (a + f + sines[i]! + block[g]!) | 0;
    const s = shifts[round * 4 + (i % 4)]!;
    [a, d, c, b] = [d, c, b, (b + ((x << s) | (x >>> (32 - s)))) | 0];
  }
  for (const [i, v] of [a, b, c, d].entries()) sum[i]! += v;
}
