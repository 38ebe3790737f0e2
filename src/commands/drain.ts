// `offhook drain`: waits until everything is settled: nothing in the spool, nothing undecided, nothing pending. Changes nothing.
//
// Each round looks at the spool first and at the groups after it: what has left the spool in between is in the stream.
// A group that cannot move (paused, broken, left out) is not waited for, but named at the end.
import { ageOption, noMoreThan, parse } from "../cli/args.ts";
import { count, duration, flush, oneLine, print, printProgress } from "../cli/print.ts";
import { homeForLooking, wantedHome } from "../config/paths.ts";
import { blockOf, gather, type Status, type StatusConsumer } from "../daemon/status.ts";
import { EXIT, OffhookError } from "../errors.ts";

const TIMEOUT_MS = 600_000;
const LOOK_EVERY_MS = 100;
const TELL_EVERY_MS = 1_000;

/** What `drain --json` gives; it changes only by addition. */
type Drained = {
  settled: boolean;
  timedOut: boolean;
  waitedMs: number;
  spool: number;
  /** Those that have something left: to move, or that they cannot move. */
  consumers: { name: string; state: string; lag: number; pending: number; stuck: string | null }[];
};

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parse("drain", argv, { timeout: { type: "string" }, json: { type: "boolean" } });
  noMoreThan("drain", positionals, 0);
  const timeoutMs = ageOption("drain", "timeout", values.timeout) ?? TIMEOUT_MS;
  const began = performance.now();
  let toldAt = began;
  for (;;) {
    const lookedAt = performance.now();
    const status = await gather(homeForLooking(), wantedHome(), Date.now());
    const now = performance.now();
    const left = status.consumers.filter((consumer) => consumer.state !== "removed" && workOf(consumer) > 0);
    const moving = left.filter((consumer) => blockOf(consumer) === null);
    const waitsInSpool = status.spool.waiting > status.spool.newer;
    const isDone = moving.length === 0 && !waitsInSpool;
    if (!isDone && !status.daemon.running) {
      printProgress(null);
      throw new OffhookError(EXIT.noDaemon, `${whatIsLeft(status, moving)}, and no daemon runs`, "offhook consume");
    }
    const timedOut = !isDone && now - began >= timeoutMs;
    if (isDone || timedOut) {
      printProgress(null);
      return end(status, left, { timedOut, waitedMs: Math.round(now - began) }, values.json === true);
    }
    if (!values.json && now - toldAt >= TELL_EVERY_MS) {
      toldAt = now;
      printProgress(`${whatIsLeft(status, moving)}; ${duration(now - began)}`);
    }
    // A look at a large ledger takes its time: most of a core is for the daemon.
    await Bun.sleep(Math.max(LOOK_EVERY_MS, 4 * (now - lookedAt)));
  }
}

function end(
  status: Status,
  left: readonly StatusConsumer[],
  { timedOut, waitedMs }: { timedOut: boolean; waitedMs: number },
  asJson: boolean,
): number {
  const settled = left.length === 0 && status.spool.waiting === 0;
  if (asJson) {
    const consumers = left.map((one) => ({
      name: one.name,
      state: one.state,
      lag: one.lag,
      pending: one.pending,
      stuck: blockOf(one),
    }));
    const drained: Drained = { settled, timedOut, waitedMs, spool: status.spool.waiting, consumers };
    print(JSON.stringify(drained));
  } else {
    for (const line of lines(status, left, { settled, timedOut, waitedMs })) print(line);
  }
  flush();
  return settled ? EXIT.ok : timedOut ? EXIT.busy : EXIT.failed;
}

function lines(
  status: Status,
  left: readonly StatusConsumer[],
  { settled, timedOut, waitedMs }: { settled: boolean; timedOut: boolean; waitedMs: number },
): string[] {
  const dead = status.consumers.reduce((sum, one) => sum + (one.state === "removed" ? 0 : one.dead), 0);
  const deadToo =
    dead > 0 ? ` ${count(dead, "dead letter is", "dead letters are")} there: offhook dead-letters list` : "";
  if (settled) return [`Everything is settled, after ${duration(waitedMs)}.${deadToo}`];
  const moving = left.filter((one) => blockOf(one) === null);
  const stuck = left.filter((one) => blockOf(one) !== null);
  return [
    timedOut
      ? `Not settled after ${duration(waitedMs)}: ${whatIsLeft(status, moving)}`
      : `All that can move is settled, after ${duration(waitedMs)}.${deadToo}`,
    ...(status.trouble === null ? [] : [`! ${oneLine(status.trouble.text)}`]),
    ...stuck.map((one) => `! ${oneLine(blockOf(one) ?? "")} (${workText(one)})`),
    ...(status.spool.newer > 0
      ? [`! ${count(status.spool.newer, "event")} of a newer offhook in the spool. Upgrade this one`]
      : []),
  ];
}

/** What is waited for, in one line. */
function whatIsLeft(status: Status, moving: readonly StatusConsumer[]): string {
  const waiting = status.spool.waiting - status.spool.newer;
  const spool = waiting > 0 ? [`${count(waiting, "event")} in the spool`] : [];
  const consumers = moving.map((one) => `${oneLine(one.name)}: ${workText(one)}`);
  return [...spool, ...consumers].join("; ");
}

function workText({ lag, pending }: StatusConsumer): string {
  const parts = [lag > 0 ? `${lag} to decide on` : "", pending > 0 ? `${pending} to do` : ""];
  return parts.filter(Boolean).join(", ");
}

function workOf({ lag, pending }: StatusConsumer): number {
  return lag + pending;
}
