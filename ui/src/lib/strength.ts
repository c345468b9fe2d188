// How hard a password is to guess, roughly: its length times the variety of its characters, less for patterns.
const common = /^(password|passwort|qwert[yz]|letmein|admin|roost|12345|abc123|iloveyou|welcome)/i;

const least = 10; // characters, as the server has it

export interface Strength {
  /** 0 none, 1 weak, 2 fair, 3 good, 4 strong. */
  level: 0 | 1 | 2 | 3 | 4;
  words: string;
}

export function strength(password: string): Strength {
  if (!password) return { level: 0, words: "A few unrelated words are easy to keep and hard to guess." };
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].filter((k) => k.test(password)).length;
  const distinct = new Set(password).size;
  let bits = Math.min(password.length, distinct * 2) * (2 + kinds * 0.6);
  if (common.test(password)) bits /= 2.5;
  if ([...password].length < least) return { level: 1, words: `Weak: use at least ${least} characters.` };
  if (bits < 28) return { level: 1, words: "Weak: longer, or less of a pattern." };
  if (bits < 40) return { level: 2, words: "Fair: a few more characters help." };
  if (bits < 56) return { level: 3, words: "Good." };
  return { level: 4, words: "Strong." };
}
