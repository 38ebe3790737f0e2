// The clock row through the real binary: publish and consume see another clock than the machine's (libfaketime, loaded in front of
// them), which is set while things wait. The machine's own clock is left alone, and steady time is not faked.
import { existsSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Dice } from "./dice.ts";
import { isSettled, type LedgerSeen, readLedger } from "./ledger-check.ts";
import { comes, openNode } from "./node.ts";
import type { Context } from "./row.ts";
import { linesOf, runsIn, runWriter } from "./runs-check.ts";

const DAY_S = 86_400;
const FILES = ["a.py", "b.py"];
const FAILS = 2;
const RETRIES = 3;

/** Each: what is added to the clock, one after the other, in s; a date: as much as leads there. */
const STEPS: (number | string)[][] = [
  [DAY_S, -DAY_S],
  [-3600, 1],
  ["2038-01-19T03:14:06Z", -1],
  ["9999-12-31T23:50:00Z", "1970-01-02T00:00:00Z"],
  [-DAY_S, -DAY_S, 2 * DAY_S],
];

/** The library; null where it is not installed. */
export function fakeTime(): string | null {
  if (process.platform !== "linux") return null;
  const places = [
    "/usr/lib",
    "/usr/lib64",
    ...(existsSync("/usr/lib") ? readdirSync("/usr/lib").map((name) => `/usr/lib/${name}`) : []),
  ];
  return places.map((place) => join(place, "faketime", "libfaketime.so.1")).find(existsSync) ?? null;
}

/** Sets the clock of one home's programs while retries, holds, rate and dedup are at work. Gives what must not be. */
export async function setClockOfBinary(
  { place, binary, undo }: Context,
  library: string,
  { number, dice }: { number: number; dice: Dice },
): Promise<string[]> {
  const clock = join(place, `clock-${number}`);
  const node = openNode(join(place, `binary-${number}`, "home"), binary, undo);
  const env = {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: clock,
    FAKETIME_NO_CACHE: "1",
    DONT_FAKE_MONOTONIC: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
  const runs = (name: string) => join(node.home, `runs-${name}`);
  const consumer = (name: string, more: string, then = "") =>
    node.consumer(
      name,
      `on = ["PostToolUse"]\nstart = "earliest"\nshell = '${runWriter(runs(name), "0.01")}${then}'\n${more}`,
    );
  consumer(
    "retried",
    `retry = { max = ${RETRIES}, backoff = "400ms", max_backoff = "1s" }\n`,
    `; test $OFFHOOK_ATTEMPT -gt ${FAILS}`,
  );
  consumer("held", `debounce = { quiet = "400ms", max = "1500ms" }\n`);
  consumer("rated", `rate = "4/s"\n`);
  consumer("once", `dedup = "1s"\n`);
  const consumers = ["retried", "held", "rated", "once"];

  let offsetS = 0;
  const set = (to: number | string) => {
    offsetS = typeof to === "number" ? offsetS + to : Math.round((Date.parse(to) - Date.now()) / 1000);
    // Whole or not at all: half a number is a time too.
    writeFileSync(`${clock}.next`, `${offsetS < 0 ? "" : "+"}${offsetS}\n`);
    renameSync(`${clock}.next`, clock);
  };
  const wrong: string[] = [];
  const names: string[] = [];
  let all = 0;
  const publish = async (count: number) => {
    for (let at = 0; at < count; at++) {
      const name = `event-${all}`;
      const file = join(node.home, dice.pick(FILES));
      const body = {
        session_id: name,
        hook_event_name: "PostToolUse",
        tool_name: "Write",
        tool_use_id: name,
        tool_input: { file_path: file },
      };
      const ended = await node.publish(name, new TextEncoder().encode(JSON.stringify(body)), env);
      // The disk's own clock is not faked: to a daemon that was set forward, what is being written looks years old, and is swept.
      const isSwept = ended.exitCode === 1 && ended.stderr.includes("was taken away");
      if (ended.exitCode !== 0 && !isSwept) wrong.push(`${name} was not taken: ${ended.exitCode}, ${ended.stderr}`);
      all++;
      if (ended.exitCode === 0) names.push(name);
    }
  };

  set(dice.between(-5, 5));
  await publish(2);
  const daemon = await node.start(env);
  for (const step of STEPS[number % STEPS.length] ?? []) {
    await publish(3);
    await Bun.sleep(dice.between(50, 700));
    set(step);
  }
  await publish(3);
  if (!(await comes(() => daemon.end() !== null || isSettled(node.home, consumers))))
    wrong.push(`not settled: ${(await node.run("status")).stdout}`);
  const ended = await daemon.stop();
  if (ended !== 0) wrong.push(`the daemon ended with ${ended}: ${daemon.output()}`);
  const seen = readLedger(node.home);
  if (seen === null) return [...wrong, "there is no ledger"];
  wrong.push(...seen.wrong, ...wrongEvents(seen, names, consumers));
  const own = seen.deliveries.filter((one) => one.consumer === "retried");
  for (const { id, attempts } of own)
    if (attempts !== FAILS + 1) wrong.push(`${id} was tried ${attempts} times, and fails ${FAILS} times`);
  for (const name of consumers) {
    const count = runsIn(linesOf(runs(name))).length;
    const attempts = seen.deliveries.reduce((sum, one) => sum + (one.consumer === name ? one.attempts : 0), 0);
    if (count !== attempts) wrong.push(`${name} ran ${count} times, and the ledger has ${attempts}`);
  }
  return wrong;
}

/** Each event is there, and done by each consumer once; only `once` may skip one, as a duplicate. */
function wrongEvents(
  { events, deliveries, skips }: LedgerSeen,
  names: readonly string[],
  consumers: readonly string[],
): string[] {
  const seqOf = new Map(events.map((event) => [event.name, event.seq]));
  return names.flatMap((name) => {
    const seq = seqOf.get(name);
    if (seq === undefined) return [`${name} was acknowledged and is lost`];
    return consumers.flatMap((consumer) => {
      const own = deliveries.filter((one) => one.consumer === consumer && one.seqs.includes(seq));
      const skipped = skips.filter((one) => one.consumer === consumer && one.seq === seq);
      if (consumer === "once" && own.length === 0 && skipped.length === 1 && skipped[0]?.reason === "duplicate")
        return [];
      const isDone = own.length === 1 && own[0]?.state === "ok" && skipped.length === 0;
      return isDone
        ? []
        : [
            `${consumer} has ${own.length} deliveries of ${name} (${own[0]?.state}) and skipped it as ${skipped[0]?.reason}`,
          ];
    });
  });
}
