// `offhook consume [NAME...]`: the daemon in the foreground. Service managers run it the same way.
import { statSync } from "node:fs";
import { noMoreThan, parse } from "../cli/args.ts";
import { duration, flush, oneLine, paint, print } from "../cli/print.ts";
import { consumerNames } from "../config/load.ts";
import { homeForWriting, pathsOf, wantedHome } from "../config/paths.ts";
import { runDaemon } from "../daemon/daemon.ts";
import type { OutcomeReport } from "../dispatch/surroundings.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { cutLog, ownLog } from "../service/own-log.ts";

export async function run(argv: string[]): Promise<number> {
  const { positionals, values } = parse("consume", argv, { quiet: { type: "boolean", short: "q" } });
  noMoreThan("consume", positionals, 64);
  const wasOpen = isOpen(wantedHome());
  const home = homeForWriting();
  if (wasOpen) say(`${clock()} ${home} was open to others; it is closed now (mode 0700)`);
  const only = positionals.length === 0 ? null : positionals;
  const known = consumerNames(home);
  for (const name of only ?? []) {
    if (known.includes(name)) continue;
    throw new OffhookError(
      EXIT.notFound,
      `no consumer "${name}" in ${pathsOf(home).consumers}`,
      known.length > 0 ? `there are: ${known.join(", ")}` : "write one first; `offhook help consume` has an example",
    );
  }

  await runDaemon({
    home,
    only,
    // Line by line: names of files and texts of errors are in them.
    log: (text) => say(`${clock()} ${text.split("\n").map(oneLine).join("\n")}`),
    onOutcome: (outcome) => {
      if (!values.quiet) sayOutcome(outcome);
    },
    onReady: () => say(`${clock()} ready: ${home} (pid ${process.pid})`),
  });
  return EXIT.ok;
}

/** Whether others may enter the home as it is. Where it cannot be looked at it is not: making it ready says why. */
function isOpen(path: string): boolean {
  try {
    return (statSync(path).mode & 0o077) !== 0;
  } catch {
    return false;
  }
}

/** One line for each attempt that has something to say; builtins that went well stay quiet. */
function sayOutcome({ consumer, deliveryId, key, result, next }: OutcomeReport): void {
  if (result.outcome === "ok" && result.exitCode === null && result.stdout === "" && result.reason === null) return;
  const colour = result.outcome === "ok" ? "green" : result.outcome === "findings" ? "yellow" : "red";
  const took = duration(result.durationMs);
  const after =
    next.state === "backoff"
      ? `; ${next.reason}; again in ${duration(next.dueMs - Date.now())}`
      : next.state === "dead"
        ? `; ${next.reason}; dead letter, see: offhook show ${deliveryId}`
        : next.state === "ready"
          ? "; will run again"
          : "";
  say(
    `${clock()} ${paint("bold", consumer)} ${paint(colour, result.outcome)} ${oneLine(key)} ${paint("dim", took)}${oneLine(after)}`,
  );
}

function clock(): string {
  return new Date().toTimeString().slice(0, 8);
}

let isHeard = true;
let isFlushAsked = false;
let lines = 0;
const log = ownLog();
const LOOK_EVERY_LINES = 100;

/** Whoever reads the log may go away (`consume | head`, a closed terminal): the work goes on. */
function say(line: string): void {
  if (!isHeard) return;
  heard(() => print(line));
  if (isFlushAsked) return;
  isFlushAsked = true;
  // What is said in one go is written in one go.
  queueMicrotask(() => {
    isFlushAsked = false;
    if (log !== null && lines++ % LOOK_EVERY_LINES === 0) heard(() => cutLog(log, 1));
    heard(flush);
  });
}

function heard(write: () => void): void {
  try {
    write();
  } catch {
    isHeard = false;
  }
}
