// Dead letters as a person meets them: listed with the reason and what to do, tried again once the cause is mended, deleted.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inThisWay, untilIts, WAYS, well } from "./either-way.ts";
import { controlCharacters, openGuarded } from "./guarded.ts";
import { type Daemon, type Running, wrote } from "./running.ts";

let on: Running;
let daemon: Daemon;
beforeEach(() => {
  on = openGuarded();
});
afterEach(() => on.end());

/** Fails until HOME/mended is there. */
const FRAGILE = `shell = '[ -e "$OFFHOOK_HOME/mended" ] || { echo "no config" >&2; exit 7; }'`;
const mend = () => writeFileSync(join(on.home, "mended"), "");
const letters = (...args: string[]) => on.ndjson(["dead-letters", "list", ...args]);

/** Two dead letters of lint and one of tests. */
async function threeLetters(): Promise<void> {
  on.consumer("lint", `on = ["PostToolUse"]\nfiles = ["**/*.py"]\n${FRAGILE}\nretry = { max = 1, backoff = "10ms" }\n`);
  on.consumer("tests", `on = ["Stop"]\n${FRAGILE}\nretry = { max = 0 }\n`);
  daemon = await on.start();
  for (const name of ["a.py", "b.py"]) await on.publish(wrote(on.file(`shop/${name}`)));
  await on.publish(
    wrote(on.file("shop/c.py"), { hook_event_name: "Stop", tool_name: undefined, tool_input: undefined }),
  );
  await untilIts(on, "lint", { dead: 2, pending: 0 });
  await untilIts(on, "tests", { dead: 1, pending: 0 });
}

describe("the list", () => {
  test("says of each its id, consumer, tries, age, event, file and reason, and what to do next", async () => {
    await threeLetters();
    const shown = await well(on, ["dead-letters"]);
    const [first] = await letters("--consumer", "lint");
    expect(shown).toMatch(
      new RegExp(
        `^${first.id}  lint, 2 tries, .+ ago\n  event  ${first.seqs[0]} claude-code.PostToolUse on .*/a.py\n  why    exit 7$`,
        "m",
      ),
    );
    expect(shown).toMatch(/tests, 1 try/);
    for (const next of ["show ID", "retry ID", "purge ID"]) expect(shown).toContain(`offhook dead-letters ${next}`);
    expect(await letters()).toMatchObject([
      { id: first.id, consumer: "lint", state: "dead", reason: "exit 7", attempts: [{ exitCode: 7 }, { exitCode: 7 }] },
      { consumer: "lint" },
      { consumer: "tests" },
    ]);
    expect(await letters("--consumer", "tests")).toHaveLength(1);
  });

  test("is short, and says how to see all", async () => {
    on.consumer("lint", `on = ["PostToolUse"]\nkey = "{type}"\n${FRAGILE}\nretry = { max = 0 }\n`);
    await on.start();
    for (let count = 0; count < 23; count++) await on.publish(wrote(on.file(`shop/${count}.py`)));
    await untilIts(on, "lint", { dead: 23 });
    const shown = await well(on, ["dead-letters", "list"]);
    expect([shown.match(/^d_/gm)?.length, shown.includes("The last 20 of 23")]).toEqual([20, true]);
    expect((await well(on, ["dead-letters", "--all"])).match(/^d_/gm)).toHaveLength(23);
    // Its key is not the file: both are said.
    expect(shown).toContain("key    claude-code.PostToolUse");
  });

  test("is empty where nothing is dead, and where no daemon has run", async () => {
    expect(await well(on, ["dead-letters"])).toBe("No dead letters.\n");
    on.consumer("lint", `on = ["**"]\nbuiltin = "none"\n`);
    await on.start();
    expect(await well(on, ["dead-letters", "--consumer", "lint"])).toBe("No dead letters of lint.\n");
    expect(JSON.parse(await well(on, ["dead-letters", "retry", "--all", "--json"]))).toEqual({ retried: 0, ids: [] });
  });

  test("shows control characters of names and outputs, and sends none", async () => {
    on.consumer("lint", `on = ["PostToolUse"]\nshell = "printf 'a\\\\033[2Jb' >&2; exit 100"\n`);
    await on.start();
    await on.publish(wrote(on.file("shop/evil\u001b[2Jname.py")));
    await untilIts(on, "lint", { dead: 1 });
    const [letter] = await letters();
    for (const args of [["list"], ["show", letter.id]])
      expect(controlCharacters(await well(on, ["dead-letters", ...args]))).toEqual([]);
  });
});

test("show tells every attempt with what it said, by the end of an id", async () => {
  await threeLetters();
  const [letter] = await letters();
  const shown = await well(on, ["dead-letters", "show", letter.id.slice(-6)]);
  expect(shown).toMatch(/attempt 1: failed, exit 7[^]*stderr \| no config[^]*attempt 2: failed, exit 7/);
  expect(shown).toContain(`offhook dead-letters retry ${letter.id}`);
  expect(JSON.parse(await well(on, ["dead-letters", "show", letter.id, "--json"]))).toEqual(letter);
});

describe.each(WAYS)("%s", (way) => {
  test("retry gives one letter all its tries again, and leaves the others", async () => {
    await threeLetters();
    const [first, second] = await letters("--consumer", "lint");
    mend();
    await inThisWay(way, daemon);
    const said = await well(on, ["dead-letters", "retry", second.id.slice(-7), "--json"]);
    expect(JSON.parse(said)).toEqual({ retried: 1, ids: [second.id] });
    if (way === "without a daemon") await on.start();
    await untilIts(on, "lint", { ok: 1, dead: 1, pending: 0 });
    expect((await letters("--consumer", "lint")).map((letter) => letter.id)).toEqual([first.id]);
    const again = JSON.parse(await well(on, ["show", second.id, "--json"]));
    expect(again).toMatchObject({ state: "ok", attempts: [{ number: 1 }, { number: 2 }, { number: 3, exitCode: 0 }] });
  });

  test("retry of a consumer's, and of all, and what still fails is dead once more", async () => {
    await threeLetters();
    await inThisWay(way, daemon);
    const said = await well(on, ["dead-letters", "retry", "--consumer", "lint"]);
    expect(said).toContain("2 dead letters are ready again");
    expect(said).toContain(way === "without a daemon" ? "no daemon runs" : "offhook deliveries --consumer lint");
    if (way === "without a daemon") daemon = await on.start();
    await untilIts(on, "lint", { dead: 2, failed: 8, pending: 0 });
    mend();
    await inThisWay(way, daemon);
    expect(await well(on, ["dead-letters", "retry", "--all"])).toContain("3 dead letters are ready again");
    if (way === "without a daemon") await on.start();
    await untilIts(on, "lint", { dead: 0, ok: 2 });
    await untilIts(on, "tests", { dead: 0, ok: 1 });
  });

  test("purge deletes what is named, and nothing else", async () => {
    await threeLetters();
    const [first, second] = await letters("--consumer", "lint");
    await inThisWay(way, daemon);
    expect(await well(on, ["dead-letters", "purge", first.id, first.id])).toBe(
      `1 dead letter is deleted: ${first.id}\n`,
    );
    expect((await letters()).map((letter) => letter.id)).not.toContain(first.id);
    expect(await letters()).toHaveLength(2);
    expect((await on.offhook(["show", first.id])).exitCode).toBe(66);
    const said = await well(on, ["dead-letters", "purge", "--consumer", "lint", "--json"]);
    expect(JSON.parse(said)).toEqual({ purged: 1, ids: [second.id] });
    expect(await well(on, ["dead-letters", "purge", "--all"])).toContain("1 dead letter is deleted");
    expect(await letters()).toEqual([]);
  });
});

test("a dead letter of a paused consumer waits, and it is said", async () => {
  await threeLetters();
  await well(on, ["pause", "lint"]);
  expect(await well(on, ["dead-letters", "retry", "--consumer", "lint"])).toContain(
    "They wait: lint is paused. Go on: offhook resume lint",
  );
  expect(await on.ndjson(["deliveries", "--state", "ready"])).toMatchObject([
    { reason: "paused" },
    { reason: "paused" },
  ]);
});

describe("mistakes change nothing", () => {
  test("and are told with what to do", async () => {
    await threeLetters();
    mend();
    await on.publish(wrote(on.file("shop/d.py")));
    await untilIts(on, "lint", { ok: 1 });
    const [done] = await on.ndjson(["deliveries", "--consumer", "lint", "--state", "ok"]);
    const [dead] = await letters();
    const mistakes: [string[], number, RegExp][] = [
      [["retry"], 64, /ids, or --consumer NAME, or --all/],
      [["retry", dead.id, "--all"], 64, /one of them/],
      [["purge", "--all", "--consumer", "lint"], 64, /one of them/],
      [["show"], 64, /one dead letter/],
      [["lst"], 64, /"lst"[^]*offhook dead-letters list/],
      [["list", "extra"], 64, /extra/],
      [["retry", dead.id, "d_nobody"], 66, /d_nobody[^]*dead-letters list/],
      [["retry", dead.id.slice(-3)], 66, /4 characters/],
      [["retry", done.id], 66, /no dead letter: its state is ok[^]*offhook replay --consumer lint --event \d+/],
      [["retry", "--consumer", "nobody"], 66, /nobody[^]*lint, tests/],
    ];
    for (const [args, exitCode, said] of mistakes) {
      const ran = await on.offhook(["dead-letters", ...args]);
      expect([args, ran.exitCode, ran.stdout]).toEqual([args, exitCode, ""]);
      expect(ran.stderr).toMatch(said);
    }
    expect(await letters()).toHaveLength(3);
  });
});
