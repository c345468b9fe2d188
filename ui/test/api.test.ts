import { afterEach, expect, test, vi } from "vitest";
import { api, ApiError, configure, sentence } from "../src/lib/api";

function answer(status: number, body: unknown, headers: Record<string, string> = {}) {
  const type = status >= 400 ? "application/problem+json" : "application/json";
  const seen: { url: string; init: RequestInit }[] = [];
  configure({
    base: "http://roost.test",
    fetch: (async (url: string, init: RequestInit) => {
      seen.push({ url, init });
      const text = body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body);
      return new Response(text, { status, headers: { "Content-Type": type, ...headers } });
    }) as typeof fetch,
  });
  return seen;
}
const failure = async (p: Promise<unknown>): Promise<ApiError> => {
  const err = await p.then(
    () => null,
    (e: unknown) => e,
  );
  expect(err).toBeInstanceOf(ApiError);
  return err as ApiError;
};
afterEach(() => configure({ onSignedOut: () => {} }));

test("a body goes as JSON with the session's cookie", async () => {
  const seen = answer(200, { id: "a b/c", name: "x" });
  await api.patchThing("a b/c", { tags: ["lab"] });
  expect(seen[0]!.url).toBe("http://roost.test/api/v2/things/a%20b%2Fc");
  expect(seen[0]!.init).toMatchObject({
    method: "PATCH",
    credentials: "same-origin",
    body: '{"tags":["lab"]}',
  });
});

test("times in questions are whole milliseconds", async () => {
  const seen = answer(200, {});
  await api.readings("t", "temperature", 1.4, 99.6, 60);
  expect(seen[0]!.url).toMatch(/\?resource=temperature&from=1&to=100&points=60$/);
});

test("a refusal carries the sentence for people", async () => {
  answer(409, { title: "Conflict", detail: "This is the last owner. Make another person owner first." });
  const err = await failure(api.deleteUser("u"));
  expect(err.status).toBe(409);
  expect(err.message).toBe("This is the last owner. Make another person owner first.");
});

test("faults of single fields are named in one text", async () => {
  answer(422, {
    title: "Unprocessable Entity",
    detail: "validation failed",
    errors: [{ message: "expected length >= 8", location: "body.password" }],
  });
  const err = await failure(api.setup("t", "ada", "x"));
  expect(err.message).toBe("Expected length >= 8.");
  expect(err.fields).toEqual([{ location: "body.password", message: "expected length >= 8" }]);
});

test("an answer that is no problem document still says what happened", async () => {
  answer(502, "<html>bad gateway</html>", { "Content-Type": "text/html" });
  expect((await failure(api.system())).message).toContain("502");
});

test("a throttled sign-in says how long to wait and does not end a session", async () => {
  const out = vi.fn();
  configure({ onSignedOut: out });
  answer(429, { detail: "Too many tries." }, { "Retry-After": "20" });
  expect((await failure(api.signIn("ada", "x"))).retryAfter).toBe(20);
  answer(401, { detail: "Name or password is not right." });
  await failure(api.signIn("ada", "x"));
  expect(out).not.toHaveBeenCalled();
});

test("401 elsewhere means signed out", async () => {
  const out = vi.fn();
  configure({ onSignedOut: out });
  answer(401, { detail: "Sign in first." });
  await failure(api.things());
  expect(out).toHaveBeenCalledOnce();
});

test("no network is told as such", async () => {
  configure({ fetch: (async () => Promise.reject(new TypeError("Failed to fetch"))) as typeof fetch });
  const err = await failure(api.things());
  expect(err.status).toBe(0);
  expect(err.message).toMatch(/cannot be reached/);
});

test("204 has no body", async () => {
  answer(204, undefined);
  await expect(api.deleteThing("t")).resolves.toBeUndefined();
});

test("sentences begin large and end with a stop", () => {
  expect(sentence("no such thing")).toBe("No such thing.");
  expect(sentence("Why?")).toBe("Why?");
});
