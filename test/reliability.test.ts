// The torture suite's frame, and the page it writes: a row that finds something fails, a control that finds nothing fails, and
// docs/reliability.md is of this history and of these rows. The suite itself is run by scripts/torture.
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { askedBy } from "./torture/asked.ts";
import { allRows } from "./torture/catalogue.ts";
import { makeDice } from "./torture/dice.ts";
import {
  clusterPart,
  commitsIn,
  hashesIn,
  pageWith,
  reliabilityPage,
  rowsIn,
  type Told,
} from "./torture/reliability.ts";
import { closingLine, linesOf } from "./torture/report.ts";
import type { Context, Row, Seen } from "./torture/row.ts";
import { type Outcome, type RunOptions, runOne } from "./torture/runner.ts";

const ROOT = resolve(import.meta.dir, "..");
const PAGE = join(ROOT, "docs", "reliability.md");
const git = (...words: string[]) => Bun.spawnSync(["git", "-C", ROOT, ...words], { stderr: "ignore" });
const hasHistory =
  Bun.which("git") !== null && git("rev-parse", "--is-shallow-repository").stdout.toString().trim() === "false";
const isInHistory = (commit: string) => git("merge-base", "--is-ancestor", commit, "HEAD").exitCode === 0;
const named = (name: string) => (hasHistory ? name : `${name} (reason: this checkout has no history)`);

test.skipIf(!hasHistory)(named("docs/reliability.md is of a commit in this history"), () => {
  const commits = commitsIn(readFileSync(PAGE, "utf8"));
  expect(commits).not.toBeEmpty();
  expect(commits.filter((commit) => !isInHistory(commit))).toEqual([]);
});

test.skipIf(!hasHistory)(named("a commit that is not in this history is seen"), () => {
  expect(isInHistory("0123456789abcdef0123456789abcdef01234567")).toBe(false);
});

test("docs/reliability.md has every row of the suite, and none that failed", async () => {
  const page = readFileSync(PAGE, "utf8");
  const rows = (await allRows()).map(({ row }) => row.name);
  expect(rows).toContain("publisher-kill");
  expect(rowsIn(page)).toEqual(rows);
  const ofSeveral = (await allRows("cluster")).map(({ row }) => row.name);
  expect(ofSeveral).toContain("owner-kill");
  expect(rowsIn(page, "cluster")).toEqual(ofSeveral);
  expect(page).not.toContain("| FAIL |");
});

const SAW: Seen = { counts: { killed: 997 }, findings: [] };
const LOST: Seen = { counts: { killed: 20_011 }, findings: ["kill-17 is lost"] };

/** A row and a control that see what they are told to. */
function planted(row: (context: Context) => Seen | Promise<Seen>, control = row): Row {
  const run = async (context: Context) => row(context);
  const wrong = { title: "wrong on purpose", cases: 7, run: async (context: Context) => control(context) };
  return { name: "planted", title: "nothing", must: "nothing", cases: 3, missing: () => null, run, control: wrong };
}

function runPlanted(row: Row, kind: Outcome["kind"], more: Partial<RunOptions> = {}): Promise<Outcome> {
  const signal = new AbortController().signal;
  return runOne(row, { kind, binary: "", seed: "17", times: 10, limitMs: 20_000, print: () => {}, signal, ...more });
}

test("a row that finds nothing has held, with its cases multiplied", async () => {
  const outcome = await runPlanted(
    planted(() => SAW),
    "row",
  );
  expect(outcome).toMatchObject({ verdict: "ok", cases: 30, counts: { killed: 997 }, findings: [] });
});

test("a row that finds something has failed, and says how to run it again", async () => {
  const outcome = await runPlanted(
    planted(() => LOST),
    "row",
  );
  expect(outcome.verdict).toBe("FAIL");
  expect(linesOf(outcome, { seed: "17", times: 10, isCluster: false })).toEqual([
    expect.stringMatching(/^FAIL +\d+\.\d s {2}planted: 30 x nothing; killed 20,011$/),
    "      kill-17 is lost",
    "      again: ./scripts/torture --seed 17 --only planted --times 10",
  ]);
});

test("a control is well when it finds something, and has failed when it does not", async () => {
  const row = planted(() => LOST);
  expect(await runPlanted(row, "control")).toMatchObject({ verdict: "ok", cases: 7, findings: ["kill-17 is lost"] });
  const blind = await runPlanted(
    planted(() => SAW),
    "control",
  );
  expect(blind.verdict).toBe("FAIL");
  expect(blind.findings.join()).toContain("nothing was caught");
});

test("a row or a control that breaks has failed", async () => {
  const row = planted(() => Promise.reject(new Error("out of wolves")));
  for (const kind of ["row", "control"] as const) {
    const outcome = await runPlanted(row, kind);
    expect(outcome.verdict).toBe("FAIL");
    expect(outcome.findings.join()).toContain("out of wolves");
  }
});

test("a row that is out of time is told so, has failed, and what it set up is taken back, last first", async () => {
  const undone: string[] = [];
  let place = "";
  const row = planted(async (context) => {
    place = context.place;
    expect(existsSync(place)).toBe(true);
    context.undo(() => void undone.push("mounted first"));
    context.undo(() => void undone.push("mounted second"));
    await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    return SAW;
  });
  const outcome = await runPlanted(row, "row", { limitMs: 30 });
  expect(outcome.verdict).toBe("FAIL");
  expect(outcome.findings.join()).toContain("not done after 0.03 s");
  expect(undone).toEqual(["mounted second", "mounted first"]);
  expect(existsSync(place)).toBe(false);
});

test("a row that this machine lacks something for is skipped with the reason", async () => {
  const outcome = await runPlanted({ ...planted(() => SAW), missing: () => "no wolves here" }, "row");
  expect(outcome).toMatchObject({ verdict: "skipped", reason: "no wolves here" });
  expect(linesOf(outcome, { seed: "17", times: 1, isCluster: false }).join()).toContain("(reason: no wolves here)");
});

test("the last line counts rows and controls", () => {
  const verdicts = (["ok", "FAIL", "ok", "skipped"] as const).map((verdict) => ({ verdict }));
  expect(closingLine(verdicts)).toBe("2 passed, 1 failed, 1 skipped");
});

test("a seed plays the same choices again, and a case's are its own whatever came before", () => {
  const dice = makeDice("20011");
  const throws = Array.from({ length: 50 }, () => dice.below(1_000_001));
  const again = makeDice("20011");
  expect(Array.from({ length: 50 }, () => again.below(1_000_001))).toEqual(throws);
  expect(new Set(throws).size).toBeGreaterThan(45);
  expect(dice.fork(7).bytes(33)).toEqual(makeDice("20011").fork(7).bytes(33));
  expect(dice.fork(7).bytes(33)).not.toEqual(dice.fork(8).bytes(33));
});

test("the page says what was run and what was seen, and what it says of rows can be read back", async () => {
  const row = planted(() => LOST);
  const outcomes = [
    await runPlanted(
      planted(() => SAW),
      "row",
    ),
    await runPlanted(row, "control"),
  ];
  const asked = askedBy(["--nightly", "--seed=17"], "");
  if (typeof asked === "string") throw new Error(asked);
  const told: Told = {
    asked,
    commit: { hash: "0123456789abcdef0123456789abcdef01234567", isDirty: true },
    date: "2026-11-21",
    machine: "2 cores",
    entries: [{ row, hash: "0123456789ab" }],
    outcomes,
  };
  const page = reliabilityPage(told);
  expect(commitsIn(page)).toEqual(["0123456789abcdef0123456789abcdef01234567"]);
  expect(rowsIn(page)).toEqual(["planted"]);
  expect(hashesIn(page)).toEqual(new Map([["planted", "0123456789ab"]]));
  expect(page).toContain("with changes that are not committed");
  expect(page).toContain("./scripts/torture --seed 17 --nightly");
  expect(page).toMatch(/^\| `planted` \| nothing \| nothing \| 30 \| killed 997 \| 0 \| held \|$/m);
  expect(page).toMatch(/^\| `planted` \| wrong on purpose \| 7 \| killed 20,011, caught 1 \| 0 \| caught \|$/m);
  expect(page).toContain("2 passed, 0 failed, 0 skipped");

  const ofSeveral = clusterPart({ ...told, asked: { ...asked, isCluster: true }, entries: [], outcomes: [] });
  const both = pageWith(page, { cluster: ofSeveral });
  expect(both.startsWith(page.trimEnd())).toBe(true);
  expect(rowsIn(both)).toEqual(["planted"]);
  expect(rowsIn(both, "cluster")).toEqual([]);
  expect(rowsIn(pageWith(both, { cluster: clusterPart(told) }), "cluster")).toEqual(["planted"]);
  expect(pageWith(both, { machine: page })).toBe(both);
  expect(commitsIn(both)).toHaveLength(2);
  expect(both).toContain("./scripts/torture --cluster --seed 17 --nightly");
});

test("words that the suite does not know are refused", () => {
  for (const words of [["--sed", "1"], ["--times", "0"], ["--only"], ["--write", "--only", "a"], ["rows"]]) {
    expect(typeof askedBy(words, "1")).toBe("string");
  }
  expect(askedBy(["--only", "a,b"], "997")).toMatchObject({ seed: "997", only: ["a", "b"], times: 1, controls: false });
  expect(askedBy(["--nightly"], "997")).toMatchObject({ times: 10, controls: true, isCluster: false });
  expect(askedBy(["--cluster", "--nightly"], "997")).toMatchObject({ times: 50, controls: true, isCluster: true });
});
