// The pure parts of setup: the diff that is shown, and the payload that proves an installation.
import { describe, expect, test } from "bun:test";
import { parseConsumer } from "../src/config/consumer.ts";
import type { Consumer } from "../src/config/schema.ts";
import { type DiffLine, diffOf } from "../src/setup/diff.ts";
import { oneOfEachKind, type ProofContext, proofOf } from "../src/setup/proof-payload.ts";

describe("the diff", () => {
  const sideOf = (lines: DiffLine[], kind: "added" | "removed") =>
    lines.flatMap((line) => (line.kind === "same" || line.kind === kind ? [line.text] : [])).join("");
  /** Texts of few lines, so that nothing is left out. */
  const texts = (seed: number) => {
    let state = seed;
    const next = (most: number) => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state % most;
    };
    const lines = Array.from({ length: next(7) }, () => `${"abc"[next(3)]}\n`);
    const changed = lines.flatMap((line) => (next(3) === 0 ? [] : next(3) === 0 ? [line, "new\n"] : [line]));
    return [lines.join(""), changed.join("") + (next(4) === 0 ? "no end" : "")] as const;
  };

  test("gives both texts back, line by line, and keeps the longest run that both have", () => {
    for (let seed = 1; seed <= 2_000; seed++) {
      const [before, after] = texts(seed);
      const lines = diffOf(before, after);
      if (before === after) expect(lines).toEqual([]);
      else if (!lines.some((line) => line.kind === "left-out"))
        expect([sideOf(lines, "removed"), sideOf(lines, "added")]).toEqual([before, after]);
    }
    const kept = diffOf("a\nb\nc\n", "b\nc\nd\n").filter((line) => line.kind === "same");
    expect(kept.map((line) => (line.kind === "same" ? line.text : ""))).toEqual(["b\n", "c\n"]);
  });

  test("shows three lines around a change and counts the others", () => {
    const lines = Array.from({ length: 40 }, (_, at) => `${at}\n`);
    const changed = lines.with(20, "twenty\n");
    const shown = diffOf(lines.join(""), changed.join(""));
    expect(shown[0]).toEqual({ kind: "left-out", count: 17 });
    expect(shown.at(-1)).toEqual({ kind: "left-out", count: 16 });
    expect(shown).toHaveLength(1 + 3 + 2 + 3 + 1);
  });

  test("tells a line's end from another, and no file from an empty one", () => {
    expect(diffOf("a\r\n", "a\n")).toHaveLength(2);
    expect(diffOf("a", "a\n")).toHaveLength(2);
    expect(diffOf(null, "a\n")).toEqual([{ kind: "added", text: "a\n" }]);
    expect(diffOf("a\n", null)).toEqual([{ kind: "removed", text: "a\n" }]);
    expect(diffOf(null, "")).toEqual([]);
  });

  test("of very large texts the middle is replaced whole, in no time", () => {
    const before = Array.from({ length: 3_000 }, (_, at) => `old ${at}\n`).join("");
    const after = Array.from({ length: 3_000 }, (_, at) => `new ${at}\n`).join("");
    const lines = diffOf(`{\n${before}}\n`, `{\n${after}}\n`);
    expect([sideOf(lines, "removed"), sideOf(lines, "added")]).toEqual([`{\n${before}}\n`, `{\n${after}}\n`]);
  });
});

describe("the payload that proves", () => {
  const consumer = (name: string, toml: string): Consumer => {
    const path = `/home/u/.offhook/consumers/${name}.toml`;
    const loaded = parseConsumer(toml, {
      name,
      path,
      label: name,
      userHome: "/home/u",
      secrets: { URL: "https://x.y/z" },
    });
    if (loaded.kind === "broken") throw new Error(loaded.errors.join());
    return loaded.consumer;
  };
  const lint = consumer("lint", `on = ["PostToolUse"]\ntools = ["Write"]\nfiles = ["*.py"]\nrun = ["true"]\n`);
  const slow = consumer("slow", `on = ["PostToolUse"]\nfiles = ["*.py"]\nrun = ["true"]\ndebounce = "9s"\n`);
  const never = consumer("never", `on = ["PostToolUse"]\nfiles = ["*.py"]\nrun = ["true"]\ndebounce = "1m"\n`);
  const alert = consumer("alert", `on = ["Notification", "Stop", "SessionStart"]\nwebhook = { url = "\${URL}" }\n`);
  const all = consumer("all", `on = ["**"]\nwebhook = { url = "\${URL}" }\n`);
  const there = consumer("there", `on = ["PostToolUse"]\nfiles = ["*.ts"]\nprojects = ["/p"]\nrun = ["true"]\n`);
  const stop = consumer("stop", `on = ["Stop"]\nrun = ["true"]\n`);
  const proof = (consumers: Consumer[], over: Partial<ProofContext> = {}) =>
    proofOf({
      consumers,
      onlyLooks: ({ action }) => action.kind === "run",
      isRunning: () => true,
      hooks: ["PostToolUse", "Notification", "Stop", "SessionStart"].map((event) => ({ event, matcher: null })),
      scratch: "/scratch",
      project: "/p",
      projectFiles: ["/p/a.ts", "/p/b.md"],
      session: "s1",
      nowMs: 0,
      realPath: (path) => path,
      ...over,
    });

  test("reaches a consumer that only looks, with a file of ours that it takes", () => {
    expect(proof([alert, lint])).toMatchObject({
      event: "PostToolUse",
      consumer: { name: "lint" },
      file: { path: "/scratch/offhook_proof.py", text: "x = 1\n" },
      payload: { session_id: "s1", cwd: "/scratch", tool_name: "Write" },
    });
    expect(proof([stop])).toMatchObject({ event: "Stop", consumer: { name: "stop" }, file: null });
  });

  test("does not wait for one that is paused", () => {
    expect(proof([lint, slow], { isRunning: ({ name }) => name !== "lint" })?.consumer?.name).toBe("slow");
  });

  test("takes the one that waits least, and none that waits for long", () => {
    expect(proof([slow, lint])?.consumer?.name).toBe("lint");
    expect(proof([slow])?.consumer?.name).toBe("slow");
    expect(proof([never])?.consumer).toBeNull();
  });

  test("takes a file of the project for who runs nowhere else, and writes nothing there", () => {
    expect(proof([there])).toMatchObject({
      consumer: { name: "there" },
      file: null,
      payload: { cwd: "/p", tool_input: { file_path: "/p/a.ts" } },
    });
    expect(proof([there], { project: null })?.consumer).toBeNull();
  });

  test("never reaches one that does more than look, whoever else takes it", () => {
    expect(proof([alert])).toMatchObject({ event: "PostToolUse", consumer: null });
    expect(proof([all])).toBeNull();
    expect(proof([all, lint])).toBeNull();
    expect(proof([alert], { onlyLooks: () => true })).toMatchObject({
      event: "SessionStart",
      consumer: { name: "alert" },
    });
  });

  test("is one that a registered hook sends", () => {
    expect(proof([lint], { hooks: [{ event: "PostToolUse", matcher: "Edit|Read" }] })?.consumer).toBeNull();
    expect(proof([lint], { hooks: [{ event: "PostToolUse", matcher: "Edit|Write" }] })?.consumer?.name).toBe("lint");
    expect(proof([lint], { hooks: [{ event: "PostToolUse", matcher: "^(?:W.*)$" }] })?.consumer?.name).toBe("lint");
    expect(proof([lint], { hooks: [] })?.consumer).toBeNull();
  });

  test("of a project's files one of each kind is tried", () => {
    expect(oneOfEachKind(["/p/a.ts", "/p/b.ts", "/p/c.py", "/p/d"])).toEqual(["/p/a.ts", "/p/c.py", "/p/d"]);
  });
});
