import { expect, test } from "vitest";
import {
  clashesOf,
  compare,
  meet,
  order,
  places,
  sorted,
  spanOf,
  stateOf,
  texts,
  unsaved,
  type WorkFile,
} from "../src/lib/app-files";
import {
  changesOf,
  commitName,
  consequence,
  draftWords,
  nameTrouble,
  refusal,
  resolve,
  settingsTrouble,
  shipped,
  shipsTo,
  taggedFollowers,
} from "../src/lib/app-words";
import { apps, problemsOf, type Commit, type Pool, type Problem, type SourceFile } from "../src/lib/apps";
import { configure } from "../src/lib/api";
import type { Settings } from "../src/lib/software";

const theirs = (name: string, content: string, more: Partial<SourceFile> = {}): SourceFile => ({
  ...{ name, content, size: content.length, state: "same", by: "ada", at: 1 },
  ...more,
});
const mine = (name: string, saved: string | null, text: string, more: Partial<WorkFile> = {}): WorkFile => ({
  ...{ name, saved, text, state: "same", by: "ada", at: 1 },
  ...more,
});
const plain = (words: string) => words.replaceAll("\u00a0", " ");

test("what nobody typed in follows the server", () => {
  const { files, clashes } = meet([mine("a.py", "1", "1")], [theirs("a.py", "2"), theirs("b.py", "x")]);
  expect(files.map((f) => [f.name, f.text])).toEqual([
    ["a.py", "2"],
    ["b.py", "x"],
  ]);
  expect(clashes).toEqual([]);
});

test("what is typed stays when the server has what it had", () => {
  const { files, clashes } = meet([mine("a.py", "1", "1 typed")], [theirs("a.py", "1")]);
  expect(files[0]!.text).toBe("1 typed");
  expect(unsaved(files[0]!)).toBe(true);
  expect(clashes).toEqual([]);
});

test("another’s save of the same file is a clash and keeps mine", () => {
  const { files, clashes } = meet([mine("a.py", "1", "mine")], [theirs("a.py", "theirs")]);
  expect(files[0]!.text).toBe("mine");
  expect(clashes).toEqual([{ name: "a.py", theirs: "theirs" }]);
});

test("one’s own save coming back is no clash, though more was typed since", () => {
  const f = mine("a.py", "1", "sent and more", { sent: "sent" });
  const { files, clashes } = meet([f], [theirs("a.py", "sent", { state: "changed" })]);
  expect(clashes).toEqual([]);
  expect(files[0]).toMatchObject({ text: "sent and more", saved: "sent" });
});

test("a file that another took away stays while it is saved nowhere", () => {
  const gone = meet([mine("a.py", "1", "mine"), mine("b.py", "2", "2")], []);
  expect(gone.files).toMatchObject([{ name: "a.py", state: "new", saved: null, text: "mine" }]);
  const deleted = meet([mine("a.py", "1", "mine")], [theirs("a.py", "1", { state: "deleted" })]);
  expect(deleted.clashes).toEqual([{ name: "a.py", theirs: null }]);
  expect(deleted.files[0]).toMatchObject({ text: "mine", state: "changed" });
});

test("a commit of another clashes only where both changed, differently", () => {
  const before = new Map([
    ["a.py", "1"],
    ["b.py", "1"],
    ["c.py", "1"],
  ]);
  const after = new Map([
    ["a.py", "2"],
    ["b.py", "2"],
    ["c.py", "1"],
  ]);
  const files = [mine("a.py", "mine", "mine"), mine("b.py", "2", "2"), mine("c.py", "mine", "mine")];
  expect(clashesOf(files, before, after)).toEqual([{ name: "a.py", theirs: "2" }]);
});

test("states come from what is typed against the newest commit", () => {
  const base = new Map([["a.py", "1"]]);
  expect(stateOf(mine("a.py", "1", "1"), base)).toBe("same");
  expect(stateOf(mine("a.py", "1", "2"), base)).toBe("changed");
  expect(stateOf(mine("b.py", null, ""), base)).toBe("new");
  expect(stateOf(mine("a.py", "1", "1", { state: "deleted" }), base)).toBe("deleted");
});

test("the two tasks stand first, and deleted files are not checked", () => {
  expect(["z.py", "management_task.py", "a.py", "worker_task.py"].sort(order)).toEqual([
    "worker_task.py",
    "management_task.py",
    "a.py",
    "z.py",
  ]);
  expect(texts([mine("a.py", "1", "2"), mine("b.py", "1", "1", { state: "deleted" })])).toEqual({
    "a.py": "2",
  });
});

test("a problem is marked at its word, its line, or the first line", () => {
  const text = "import x\n    def broken(\n\nlast";
  const at = (line: number, column: number) => {
    const { from, to } = spanOf(text, { line, column });
    return text.slice(from, to);
  };
  expect(at(2, 9)).toBe("broken");
  expect(at(2, 15)).toBe("(");
  expect(at(2, 99)).toBe("(");
  expect(at(2, 0)).toBe("def broken(");
  expect(at(0, 0)).toBe("import x");
  expect(at(99, 0)).toBe("last");
  expect(at(3, 1)).toBe("");
});

test("errors come before warnings, then by line", () => {
  const p = (file: string, line: number, severity: Problem["severity"]) => ({
    ...{ file, line, column: 0, text: "", severity },
  });
  const list = sorted([p("z.py", 1, "warning"), p("z.py", 9, "error"), p("worker_task.py", 3, "error")]);
  expect(list.map((x) => x.file + x.line)).toEqual(["worker_task.py3", "z.py9", "z.py1"]);
});

test("lines of a traceback are those of our files", () => {
  const trace = 'Traceback:\n  File "worker.py", line 21\n  File "/x/worker_task.py", line 14, in call\nBoom';
  const found = places(trace, ["worker_task.py", "management_task.py"]);
  expect(found.map((p) => p.text).join("|")).toBe(
    'Traceback:\n  File "worker.py", line 21\n  |worker_task.py, line 8|, in call\nBoom',
  );
  expect(found[1]).toMatchObject({ file: "worker_task.py", line: 8 });
  expect(places('File "worker_task.py", line 2', ["worker_task.py"])[0]!.file).toBeUndefined();
});

test("two commits are compared file by file", () => {
  const a = new Map([
    ["a.py", "1"],
    ["b.py", "1"],
    ["c.py", "1"],
  ]);
  const b = new Map([
    ["a.py", "1"],
    ["b.py", "2"],
    ["d.py", "1"],
  ]);
  expect(compare(a, b).map((d) => d.name + " " + d.state)).toEqual([
    "b.py changed",
    "c.py deleted",
    "d.py new",
  ]);
});

const settings: Settings = {
  ...{ os: "factory", app: "latest", management: 60, worker: 300, tls: true, encrypt: false },
  ...{ battery: false, setupTimeout: 60, backend: "" },
};
const pool = (name: string, kind: Pool["kind"], things: number, more: Partial<Settings> = {}): Pool => ({
  ...{ name, kind, things, default: false, commit: "2", edited: 0 },
  settings: { ...settings, ...more },
});
const commit = (id: string, tags: string[] = []): Commit => ({
  ...{ id, tags, parent: "", message: `say ${id}\n\nmore`, author: "ada", origin: "editor", at: 1 },
  ...{ pools: [], files: [], running: 0 },
});

test("who gets a commit is told before it is made", () => {
  expect(plain(shipsTo([pool("development", "development", 3), pool("production", "production", 9)]))).toBe(
    "3 things in development get it.",
  );
  expect(plain(shipsTo([pool("dev", "development", 1), pool("lab", "development", 0)]))).toBe(
    "1 thing in dev gets it.",
  );
  expect(shipsTo([pool("dev", "development", 0)])).toBe("dev follows it, with no thing yet.");
  expect(shipsTo([pool("dev", "development", 2, { app: "v1" })])).toContain("tag it");
  expect(plain(shipped([{ pool: "dev", things: 2 }]))).toBe("Committed: 2 things in dev fetch it");
  expect(shipped([])).toBe("Committed");
  expect(plain(taggedFollowers([pool("staging", "staging", 2), pool("dev", "development", 1)]))).toBe(
    "2 things in staging follow the newest tagged commit.",
  );
});

test("a save says how many things reboot, and when", () => {
  const p = pool("dev", "development", 3);
  expect(consequence(p, { ...settings }, "2")).toBe("");
  expect(plain(consequence(p, { ...settings, worker: 30 }, "2"))).toBe(
    "Saving reboots 3 things: each hears of it at its next call, within 60 s if online.",
  );
  expect(plain(consequence(p, { ...settings, app: "1" }, "1"))).toContain(
    "reboots 3 things and brings them other code",
  );
  expect(consequence(p, { ...settings, app: "2" }, "2")).toContain("nothing reboots");
  expect(consequence(pool("dev", "development", 0), { ...settings, tls: false }, "2")).toContain(
    "nothing reboots",
  );
  expect(changesOf(settings, { ...settings, worker: 30, tls: false })).toEqual({ worker: 30, tls: false });
  expect(changesOf(settings, { ...settings })).toBeNull();
});

test("settings that would break devices are refused here already", () => {
  expect(settingsTrouble(settings)).toBe("");
  expect(settingsTrouble({ ...settings, worker: 0 })).toContain("worker interval");
  expect(settingsTrouble({ ...settings, management: 1.5 })).toContain("management interval");
  expect(settingsTrouble({ ...settings, backend: "http://x" })).toContain("without http://");
  expect(settingsTrouble({ ...settings, backend: "roost.local:8080/a" })).toBe("");
});

test("a choice of version means a commit", () => {
  const commits = [commit("3"), commit("2", ["v1"]), commit("1")];
  const tags = [{ name: "v1", commit: "2", by: "", at: 0 }];
  expect(resolve("latest", "development", commits, tags)).toBe("3");
  expect(resolve("latest", "production", commits, tags)).toBe("2");
  expect(resolve("v1", "staging", commits, tags)).toBe("2");
  expect(resolve("1", "staging", commits, tags)).toBe("1");
  expect(commitName("2", commits)).toBe("v1 (2)");
  expect(commitName("3", commits)).toBe("3 – say 3");
  expect(commitName("0", commits)).toBe("none");
});

test("names of files are checked while they are typed", () => {
  expect(nameTrouble("helpers.py", ["worker_task.py"])).toBe("");
  expect(nameTrouble("worker_task.py", ["worker_task.py"])).toContain("already");
  expect(nameTrouble("a/b.py", [])).toContain("only");
  expect(nameTrouble("../x", [])).toContain("only");
  expect(nameTrouble("2.py", [])).toContain("begins");
  expect(nameTrouble("a..py", [])).toContain("two dots");
  expect(nameTrouble("boot.py", [])).toContain("device");
  expect(nameTrouble("", [])).toContain("name");
});

test("drafts and refusals in words", () => {
  expect(plain(draftWords([{ state: "changed" }, { state: "new" }, { state: "deleted" }]))).toBe(
    "1 file changed, 1 new, 1 deleted",
  );
  const p: Problem = {
    ...{ file: "worker_task.py", line: 12, column: 1, text: "SyntaxError: invalid syntax" },
    severity: "error",
  };
  expect(plain(refusal(p, 2))).toBe(
    "Not committed. worker_task.py, line 12: SyntaxError: invalid syntax. And 2 more problems.",
  );
});

test("a refused commit carries its problems; lists written as null are empty", async () => {
  const answer = (status: number, body: unknown, type = "application/json") =>
    configure({
      fetch: (async () =>
        new Response(JSON.stringify(body), { status, headers: { "Content-Type": type } })) as typeof fetch,
    });
  answer(422, { detail: "no", problems: [{ file: "a.py", line: 3 }] }, "application/problem+json");
  const err = await apps.commit("x", "m", "1").catch((e: unknown) => e);
  expect(problemsOf(err)).toEqual([{ file: "a.py", line: 3 }]);
  expect(problemsOf(new Error("other"))).toEqual([]);
  answer(200, { id: "x", newest: null, pools: null, tags: null });
  expect(await apps.one("x")).toMatchObject({ pools: [], tags: [] });
  answer(200, { apps: null });
  expect(await apps.list()).toEqual([]);
});
