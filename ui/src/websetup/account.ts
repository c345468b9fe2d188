// What a signed-in reader may pick for a device, fetched while the server can still be reached.
export interface Pick {
  id: string;
  name: string;
  note: string;
}
async function get<T>(path: string): Promise<T | null> {
  try {
    const res = await fetch("/api/v2" + path, { headers: { Accept: "application/json" } });
    return res.ok ? ((await res.json()) as T) : null;
  } catch {
    return null;
  }
}

/** null: nobody is signed in. */
export async function picks(): Promise<Pick[] | null> {
  const session = await get<{ state: string }>("/session");
  if (session?.state !== "signed-in") return null;
  const [me, list] = await Promise.all([
    get<{ name: string; accountId: string }>("/account"),
    get<{ apps: { id: string; name: string }[] | null }>("/apps"),
  ]);
  const out: Pick[] = [];
  if (me?.accountId)
    out.push({
      id: me.accountId,
      name: "Your account",
      note: "You choose the app on the server, and may change it there",
    });
  for (const a of list?.apps ?? []) out.push({ id: a.id, name: a.name, note: "Bound to this app for good" });
  return out;
}
export const siteTitle = async (): Promise<string> => (await get<{ title: string }>("/site"))?.title ?? "";
