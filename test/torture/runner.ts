// Runs one row or one control: gives it a place, dice and a limit, takes back what it mounted or started, judges what it saw.
// A row must find nothing. A control must find something: its check was shown something wrong.
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeDice } from "./dice.ts";
import type { Context, Row, Seen } from "./row.ts";

const SAY_EVERY_MS = 5000;
/** So long a row that was told to stop may take before what it started is taken from under it. */
const GRACE_MS = 15_000;

export type Outcome = {
  name: string;
  kind: "row" | "control";
  title: string;
  /** As many as were asked for. */
  cases: number;
  seconds: number;
  verdict: "ok" | "FAIL" | "skipped";
  /** Why it was skipped; null else. */
  reason: string | null;
  counts: Record<string, number>;
  /** Of a row: what must not be. Of a control: what it caught. */
  findings: string[];
};

export type RunOptions = {
  kind: "row" | "control";
  binary: string;
  seed: string;
  /** What the row's cases are multiplied by; a control's are not. */
  times: number;
  limitMs: number;
  print(line: string): void;
  /** Aborted when the whole run is to end. */
  signal: AbortSignal;
};

/** Runs it to its end, or until the limit or the signal ends it, which is a failure. Never throws. */
export async function runOne(row: Row, options: RunOptions): Promise<Outcome> {
  const { kind } = options;
  const part = kind === "row" ? row : row.control;
  const startedAt = performance.now();
  const outcome = (verdict: Outcome["verdict"], more: Partial<Outcome> = {}): Outcome => ({
    name: row.name,
    kind,
    title: part.title,
    cases: kind === "row" ? part.cases * options.times : part.cases,
    seconds: (performance.now() - startedAt) / 1000,
    verdict,
    reason: null,
    counts: {},
    findings: [],
    ...more,
  });
  const reason = row.missing();
  if (reason !== null) return outcome("skipped", { reason });

  const place = realpathSync(mkdtempSync(join(tmpdir(), "offhook-torture-")));
  const undoing: (() => void | Promise<void>)[] = [];
  const stop = new AbortController();
  const end = () => stop.abort(options.signal.reason);
  options.signal.addEventListener("abort", end);
  if (options.signal.aborted) end();
  const limit = setTimeout(() => stop.abort(`not done after ${options.limitMs / 1000} s`), options.limitMs);
  let at = "";
  const teller = setInterval(() => {
    if (at !== "") options.print(`      ${((performance.now() - startedAt) / 1000).toFixed(0)} s, ${row.name}: ${at}`);
  }, SAY_EVERY_MS);

  const context: Context = {
    binary: options.binary,
    place,
    cases: outcome("ok").cases,
    dice: makeDice(`${options.seed}/${row.name}${kind === "row" ? "" : "/control"}`),
    say: (text) => {
      at = text;
    },
    undo: (step) => undoing.push(step),
    signal: stop.signal,
  };
  const told = await Promise.race([ran(part, context), overdue(stop.signal)]);
  clearTimeout(limit);
  clearInterval(teller);
  options.signal.removeEventListener("abort", end);
  const left = await undone(undoing, place);

  const aborted = stop.signal.aborted ? [`ended before it was done: ${String(stop.signal.reason)}`] : [];
  const troubles = [...aborted, ...told.troubles, ...left];
  const { counts, findings } = told.seen;
  // Trouble is no finding of a control: it did not show what it is for.
  if (troubles.length > 0) return outcome("FAIL", { counts, findings: [...troubles, ...findings] });
  if (kind === "row") return outcome(findings.length === 0 ? "ok" : "FAIL", { counts, findings });
  if (findings.length > 0) return outcome("ok", { counts, findings });
  return outcome("FAIL", { counts, findings: ["nothing was caught: the row would not see this either"] });
}

type Told = { seen: Seen; troubles: string[] };

const NOTHING: Seen = { counts: {}, findings: [] };

async function ran(part: { run(context: Context): Promise<Seen> }, context: Context): Promise<Told> {
  try {
    return { seen: await part.run(context), troubles: [] };
  } catch (error) {
    const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { seen: NOTHING, troubles: [`broke: ${words}`] };
  }
}

/** What is told of a row that does not stop although it should. */
function overdue(signal: AbortSignal): Promise<Told> {
  const { promise, resolve } = Promise.withResolvers<Told>();
  const wait = () => setTimeout(() => resolve({ seen: NOTHING, troubles: ["it did not stop"] }), GRACE_MS);
  if (signal.aborted) wait();
  else signal.addEventListener("abort", wait);
  return promise;
}

/** Takes everything back, last first; gives what could not be. */
async function undone(steps: (() => void | Promise<void>)[], place: string): Promise<string[]> {
  const troubles: string[] = [];
  for (const step of [...steps.reverse(), () => rmSync(place, { recursive: true, force: true })]) {
    try {
      await step();
    } catch (error) {
      troubles.push(`left behind: ${String(error)}`);
    }
  }
  return troubles;
}
