// What a person chose on this device. Storage may be off: then it lasts for the visit.
const memory = new Map<string, string>();

export function recall(key: string): string | null {
  try {
    return localStorage.getItem("roost." + key) ?? memory.get(key) ?? null;
  } catch {
    return memory.get(key) ?? null;
  }
}

export function remember(key: string, value: string | null): void {
  if (value === null) memory.delete(key);
  else memory.set(key, value);
  try {
    if (value === null) localStorage.removeItem("roost." + key);
    else localStorage.setItem("roost." + key, value);
  } catch {
    // Kept in memory.
  }
}
