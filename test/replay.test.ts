// Past events through a consumer once more: which deliveries that makes (pure), and what people see of it.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { HOLD_LIMITS } from "../src/dispatch/holds.ts";
import { isReplayed, makeReplay } from "../src/dispatch/replay.ts";
import type { StoredEvent } from "../src/event/event.ts";
import { inThisWay, untilIts, WAYS, well } from "./either-way.ts";
import { consumerWith, storedEvent } from "./fixtures/delivery.ts";
import { haveArrived, openGuarded } from "./guarded.ts";
import { type Daemon, type Running, wrote } from "./running.ts";

describe("the deliveries of a replay", () => {
  const plain = consumerWith({ kind: "run", argv: ["true"] });
  const debounced = { ...plain, debounce: { quietMs: 1000, maxMs: 30_000 } };
  const about = (seq: number, subject: string, over: Partial<StoredEvent> = {}) =>
    storedEvent({ seq, subject, id: `id-${seq}`, ...over });
  const replay = (consumer: typeof plain, events: readonly StoredEvent[]) => {
    const made = makeReplay(consumer);
    return [...events.flatMap((event) => made.take(event) ?? []), ...made.rest()].map(({ key, seqs }) => ({
      key,
      seqs,
    }));
  };

  test("are one of each event", () => {
    expect(replay(plain, [about(1, "/a"), about(2, "/b"), about(5, "/a")])).toEqual([
      { key: "/a", seqs: [1] },
      { key: "/b", seqs: [2] },
      { key: "/a", seqs: [5] },
    ]);
  });

  test("are one of each key where events of a key are put together, by their first events", () => {
    const events = [about(1, "/a"), about(2, "/b"), about(5, "/a"), about(6, "/c"), about(9, "/b")];
    expect(replay(debounced, events)).toEqual([
      { key: "/a", seqs: [1, 5] },
      { key: "/b", seqs: [2, 9] },
      { key: "/c", seqs: [6] },
    ]);
  });

  test("take in no more events, file names or data than a held one would", () => {
    const project = { ...debounced, key: "{project}" };
    const sizes = (events: readonly StoredEvent[]) => replay(project, events).map(({ seqs }) => seqs.length);
    const many = (count: number, over: Partial<StoredEvent>) =>
      Array.from({ length: count }, (_, at) => about(at + 1, `/p/${at}`, over));
    expect(sizes(many(2 * HOLD_LIMITS.events + 7, {}))).toEqual([HOLD_LIMITS.events, HOLD_LIMITS.events, 7]);
    expect(sizes(many(9, { data: "x".repeat(HOLD_LIMITS.dataBytes / 4) }))).toEqual([4, 4, 1]);
    const name = `/${"n".repeat(HOLD_LIMITS.fileBytes / 2 - 2)}`;
    expect(sizes([about(1, name), about(2, name), about(3, name)])).toEqual([2, 1]);
    // One alone is a delivery, whatever its size.
    expect(sizes(many(2, { data: "x".repeat(HOLD_LIMITS.dataBytes + 1) }))).toEqual([1, 1]);
  });

  test("are of no second firing and of nothing too deep", () => {
    const asks = (over: Partial<StoredEvent>, wants = true) => isReplayed(plain, () => wants, storedEvent(over));
    expect(asks({})).toBe(true);
    expect(asks({}, false)).toBe(false);
    expect(asks({ duplicateOf: "first" })).toBe(false);
    expect(asks({ depth: 1 })).toBe(false);
    expect(isReplayed({ ...plain, maxDepth: 1 }, () => true, storedEvent({ depth: 1 }))).toBe(true);
  });
});

let on: Running;
let daemon: Daemon;
beforeEach(() => {
  on = openGuarded();
});
afterEach(() => on.end());

/** One line of JSON a run: what the worker was told, and how many events it got. */
const NOTE = `printf '{"file":"%s","replay":"%s","delivery":"%s","events":%d}\\n' "$OFFHOOK_FILE" "$OFFHOOK_REPLAY" "$OFFHOOK_DELIVERY_ID" "$(wc -l)" >> "$OFFHOOK_HOME/ran"`;
const ran = (): any[] =>
  existsSync(join(on.home, "ran"))
    ? readFileSync(join(on.home, "ran"), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
    : [];
const replayed = () => ran().filter((one) => one.replay === "1");
const path = (name: string) => join(on.root, name);
const replay = async (...args: string[]) => JSON.parse(await well(on, ["replay", ...args, "--json"]));

/** Three files written in session one, then one in session two, a double firing and something that lint does not want. */
async function aPast(more = ""): Promise<void> {
  on.consumer("lint", `on = ["PostToolUse", "render.*"]\nshell = '''${NOTE}'''\n${more}`);
  daemon = await on.start();
  for (const name of ["a.py", "b.py", "a.py"]) await on.publish(wrote(on.file(name), { session_id: "one" }));
  const fired = wrote(on.file("c.py"), { session_id: "two" });
  for (const payload of [fired, fired, wrote(on.file("d.py"), { hook_event_name: "Stop" })]) await on.publish(payload);
  await haveArrived(on, 6);
  await untilIts(on, "lint", { lag: 0, pending: 0 });
}

describe.each(WAYS)("%s", (way) => {
  test("past events run once more, as deliveries of their own, and the worker is told", async () => {
    await aPast();
    await inThisWay(way, daemon);
    const made = await replay("--consumer", "lint", "--all");
    expect(made).toMatchObject({ consumer: "lint", dryRun: false, deliveries: 4, events: 4, undecided: 0 });
    if (way === "without a daemon") await on.start();
    await untilIts(on, "lint", { ok: 8, pending: 0 });
    expect(replayed().map((one) => one.file)).toEqual(["a.py", "b.py", "a.py", "c.py"].map(path));
    expect(new Set(replayed().map((one) => one.delivery))).toEqual(new Set(made.ids));
    expect(new Set(ran().map((one) => one.delivery)).size).toBe(8);
    const [delivery] = (await on.ndjson(["deliveries"])).filter((one) => one.replay);
    expect(delivery.id).toBe(made.ids[0]);
  });

  test("a dry run says how much that would be, lists the first, and changes nothing", async () => {
    await aPast();
    await inThisWay(way, daemon);
    const before = [await on.ndjson(["deliveries"]), (await on.status()).consumers.map((one: any) => one.pending)];
    const said = await well(on, ["replay", "--consumer", "lint", "--session", "one", "--dry-run"]);
    expect(said).toContain("lint would get 3 deliveries of 3 past events. Nothing was done.");
    expect(said).toMatch(new RegExp(`${path("a.py")} +1  1\n`));
    const made = await replay("--consumer", "lint", "--session", "one", "--dry-run");
    expect(made).toMatchObject({ dryRun: true, deliveries: 3, events: 3, ids: [], first: [{ seqs: [1] }, {}, {}] });
    expect([await on.ndjson(["deliveries"]), (await on.status()).consumers.map((one: any) => one.pending)]).toEqual(
      before,
    );
  });

  test("a consumer that puts events of a key together gets one delivery of each key", async () => {
    await aPast(`debounce = "50ms"\nkey = "{session}"\n`);
    await inThisWay(way, daemon);
    expect(await replay("--consumer", "lint", "--all")).toMatchObject({ deliveries: 2, events: 4 });
    if (way === "without a daemon") await on.start();
    await untilIts(on, "lint", { pending: 0 });
    expect(replayed().map((one) => one.events)).toEqual([3, 1]);
  });
});

test("events are selected by session, type, age, seq, range and id, and several selectors must all hold", async () => {
  await aPast();
  await on.offhook(["publish", "--type", "render.finished", "--subject", path("e.py"), "--data", "{}"]);
  await untilIts(on, "lint", { ok: 5 });
  const events = await on.ndjson(["events"]);
  const seqsOf = async (...args: string[]) =>
    (await replay("--consumer", "lint", "--dry-run", ...args)).first.flatMap((one: any) => one.seqs);
  expect(await seqsOf("--session", "one")).toEqual([1, 2, 3]);
  expect(await seqsOf("--type", "render.*")).toEqual([7]);
  expect(await seqsOf("--since", "1h")).toEqual([1, 2, 3, 4, 7]);
  expect(await seqsOf("--since", "3")).toEqual([3, 4, 7]);
  expect(await seqsOf("--since", "2100-01-01")).toEqual([]);
  expect(await seqsOf("--seq", "2")).toEqual([2]);
  expect(await seqsOf("--seq", "2..4")).toEqual([2, 3, 4]);
  expect(await seqsOf("--seq", "4..")).toEqual([4, 7]);
  expect(await seqsOf("--seq", "..2")).toEqual([1, 2]);
  expect(await seqsOf("--event", events[2].id, "--event", events[0].id.slice(-8))).toEqual([1, 3]);
  expect(await seqsOf("--session", "one", "--seq", "2..9", "--type", "PostToolUse")).toEqual([2, 3]);
  // A second firing, and what the consumer does not want.
  expect(await seqsOf("--event", "5", "--event", "6")).toEqual([]);
});

test("what keeps events back does not keep a replay: age, duplicates, a cooldown", async () => {
  await aPast(`dedup = "1h"\ncooldown = "1h"\nkey = "{session}"\n`);
  const before = ran().length;
  await replay("--consumer", "lint", "--session", "one");
  await untilIts(on, "lint", { pending: 0, ok: before + 3 });
  expect(replayed()).toHaveLength(3);
});

test("a replay comes behind what waits for its key", async () => {
  await aPast();
  await well(on, ["pause", "lint"]);
  await replay("--consumer", "lint", "--event", "1");
  await replay("--consumer", "lint", "--event", "3");
  await on.publish(wrote(on.file("a.py")));
  await well(on, ["resume", "lint"]);
  await untilIts(on, "lint", { ok: 7, pending: 0, lag: 0 });
  expect(
    ran()
      .slice(-3)
      .map((one) => one.replay),
  ).toEqual(["1", "1", ""]);
});

test("what is not decided on yet is no past: it comes by itself, once", async () => {
  await aPast();
  await well(on, ["pause", "lint"]);
  await on.publish(wrote(on.file("new.py")));
  await untilIts(on, "lint", { lag: 1 });
  const said = await well(on, ["replay", "--consumer", "lint", "--since", "7"]);
  expect(said).toContain("Nothing to replay");
  expect(said).toContain("1 more event is not decided on yet");
  expect(await replay("--consumer", "lint", "--all", "--dry-run")).toMatchObject({ deliveries: 4, undecided: 1 });
  await well(on, ["resume", "lint"]);
  await untilIts(on, "lint", { ok: 5, lag: 0 });
  expect(ran().filter((one) => one.file === path("new.py"))).toHaveLength(1);
});

test("a replay of a paused consumer waits, and it is said; so is what no daemon does", async () => {
  await aPast();
  await well(on, ["pause", "lint"]);
  expect(await well(on, ["replay", "--consumer", "lint", "--all"])).toContain("They wait: lint is paused");
  expect(await daemon.stop()).toBe(0);
  await well(on, ["resume", "lint"]);
  const said = await well(on, ["replay", "--consumer", "lint", "--all"]);
  expect(said).toContain("lint gets 4 deliveries of 4 past events, behind what waits for their keys.");
  expect(said).toContain("They wait: no daemon runs. Start it: offhook consume");
});

test("a consumer whose file came while no daemon ran has everything as its past", async () => {
  await aPast();
  expect(await daemon.stop()).toBe(0);
  on.consumer("late", `on = ["PostToolUse"]\nbuiltin = "none"\n`);
  expect(await replay("--consumer", "late", "--all", "--dry-run")).toMatchObject({ deliveries: 4 });
  expect((await on.status()).consumers.find((one: any) => one.name === "late")).toMatchObject({ pending: 0, lag: 0 });
  expect(await replay("--consumer", "late", "--seq", "1..2")).toMatchObject({ deliveries: 2 });
  await on.start();
  await untilIts(on, "late", { ok: 2, lag: 0, pending: 0 });
});

test("mistakes are told with what to do, and change nothing", async () => {
  await aPast();
  on.consumer("typo", `on = ["PostToolUse"]\nrn = ["true"]\n`);
  on.consumer("off", `on = ["PostToolUse"]\nbuiltin = "none"\nenabled = false\n`);
  await untilIts(on, "typo", { state: "broken" });
  await untilIts(on, "off", { state: "disabled" });
  const lint = ["--consumer", "lint"];
  const mistakes: [string[], number, RegExp][] = [
    [[], 64, /--consumer NAME/],
    [lint, 64, /say which events: --since.*--all/],
    [[...lint, "--all", "--seq", "1"], 64, /--seq/],
    [[...lint, "--seq", "some"], 64, /42\.\.50.*some/],
    [[...lint, "--seq", "9..2"], 64, /9\.\.2/],
    [[...lint, "--seq", ".."], 64, /--seq/],
    [[...lint, "--since", "yesterday"], 64, /yesterday/],
    [[...lint, "--all", "more"], 64, /more/],
    [[...lint, "--event", "nothing-like-it"], 66, /nothing-like-it/],
    [["--consumer", "nobody", "--all"], 66, /nobody[^]*lint, off, typo/],
    [["--consumer", "typo", "--all"], 78, /typo does not run[^]*offhook status/],
    [["--consumer", "off", "--all"], 78, /switched off \(enabled = false/],
  ];
  for (const [args, exitCode, said] of mistakes) {
    const { stdout, stderr, ...rest } = await on.offhook(["replay", ...args]);
    expect([args, rest.exitCode, stdout]).toEqual([args, exitCode, ""]);
    expect(stderr).toMatch(said);
  }
  expect((await on.ndjson(["deliveries"])).filter((one) => one.replay)).toEqual([]);
});
