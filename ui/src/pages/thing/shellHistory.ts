// The lines a person typed, as arrow keys walk through them. Kept per thing on this device. No I/O of its own.
export const most = 200;

export class ShellHistory {
  lines: string[];
  /** Where the walk stands; lines.length is the line being typed. */
  #at: number;
  #draft = "";

  constructor(kept: string | null = null, past: string[] = []) {
    this.lines = fromKept(kept);
    // Lines that others sent, or this person elsewhere, come before those kept here.
    for (const line of past.toReversed()) if (!this.lines.includes(line)) this.lines.unshift(line);
    this.lines = this.lines.slice(-most);
    this.#at = this.lines.length;
  }

  /** Notes a line that was sent; twice the same in a row is one. */
  add(line: string): void {
    if (line !== this.lines.at(-1)) this.lines.push(line);
    this.lines = this.lines.slice(-most);
    this.#at = this.lines.length;
    this.#draft = "";
  }
  /** The line before, or null at the oldest. `typed` is what stands in the box. */
  back(typed: string): string | null {
    if (this.#at === 0) return null;
    if (this.#at === this.lines.length) this.#draft = typed;
    return this.lines[--this.#at]!;
  }
  /** The line after; after the newest comes what was being typed. */
  forth(): string | null {
    if (this.#at >= this.lines.length) return null;
    this.#at++;
    return this.lines[this.#at] ?? this.#draft;
  }
  kept(): string {
    return JSON.stringify(this.lines);
  }
}

function fromKept(kept: string | null): string[] {
  try {
    const list = JSON.parse(kept ?? "[]") as unknown;
    return Array.isArray(list) ? list.filter((x): x is string => typeof x === "string") : [];
  } catch {
    return [];
  }
}
