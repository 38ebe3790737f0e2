// Many publishers at once, of events of several sizes, with a daemon that takes them in: how long each waits, how many get through,
// and whether all that were acknowledged are in the stream.
//
// 1. A turn is one daemon in a new home; in it every cell (so many publishers, such a size) has its go, in an order of chance.
// 2. Each publisher publishes one event after the other until the cell's time, events or bytes are used up; one at least.
// 3. When the spool is empty the stream is read and counted by id, from both sides. The id is the payload's own tool_use_id.
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { EXIT, OffhookError } from "../errors.ts";
import type { Inspection } from "../ledger/inspect.ts";
import { countById, eventsAfter, inspectHome, isAllSettled } from "../measure/by-id.ts";
import { type Daemon, startDaemon } from "../measure/daemon.ts";
import type { Means } from "../measure/means.ts";
import { shuffled } from "../measure/measure.ts";
import { payloadsOf } from "../measure/payload.ts";
import { runOnce, type Stdin } from "../measure/run.ts";
import { sizeText } from "../report/figure-text.ts";
import type { LoadCell } from "../report/shape.ts";
import { spreadOf, timesOf } from "../report/statistics.ts";

export type LoadPlan = {
  publishers: readonly number[];
  /** No powers of two, so that no buffer fits by luck. */
  payloadBytes: readonly number[];
  turns: number;
  /** No cell goes on longer in one turn, nor with more events or bytes than these; but each publisher publishes once. */
  cellMs: number;
  mostEvents: number;
  mostBytes: number;
  /** What the daemon gets to take in what a cell has left. What is not in by then is missing. */
  settleLimitMs: number;
  /** No new turn begins after this; the first one does in any case. */
  limitMs: number;
};

export const LOAD: LoadPlan = {
  publishers: [1, 4, 16, 64],
  payloadBytes: [997, 20_011, 200_003, 5_000_011],
  turns: 3,
  cellMs: 1_500,
  mostEvents: 2_000,
  mostBytes: 100_000_000,
  settleLimitMs: 60_000,
  limitMs: 100_000,
};
export const QUICK_LOAD: LoadPlan = {
  ...LOAD,
  publishers: [1, 16],
  turns: 2,
  cellMs: 600,
  mostBytes: 30_000_000,
  limitMs: 15_000,
};

/** What a cell has come to so far. */
type Cell = Pick<
  LoadCell,
  "publishers" | "payloadBytes" | "acknowledged" | "arrived" | "missing" | "foreign" | "refused"
> & {
  timesMs: number[];
  perSecond: number[];
  firstRefusal: string | null;
};

/** `seq`: where the stream stood when a cell began; what comes after is its own. */
type Home = { path: string; daemon: Daemon; inspection: Inspection; seq: number };

/** Measures all cells. Errors: a daemon that does not start or ends, a cell of which nothing at all was acknowledged (1). */
export async function measureLoad(plan: LoadPlan, means: Means): Promise<LoadCell[]> {
  const cells = plan.payloadBytes.flatMap((payloadBytes) => plan.publishers.map((many) => newCell(many, payloadBytes)));
  const makers = new Map(plan.payloadBytes.map((sizeBytes) => [sizeBytes, payloadMaker(means.recorded, sizeBytes)]));
  const numbers = counter();
  const beganMs = performance.now();
  const of = cells.length * plan.turns;
  let done = 0;
  for (let turn = 0; turn < plan.turns; turn++) {
    if (turn > 0 && performance.now() - beganMs > plan.limitMs) break;
    const home = await openHome(means);
    try {
      for (const index of shuffled(cells.length)) {
        const cell = cells[index] as Cell;
        const doing = `${cell.publishers} at once, ${sizeText(cell.payloadBytes)}`;
        means.progress({ part: "load", done: done++, of, doing });
        const payloads = makers.get(cell.payloadBytes) as Payloads;
        const published = await publishAll(cell, plan, { means, home, numbers, payloads });
        await home.daemon.within(plan.settleLimitMs, 5, () => isOver(home));
        addCounts(cell, home, published);
      }
    } finally {
      await closeHome(home);
    }
  }
  return cells.map(resultOf);
}

const CONSUMER = 'on = ["PostToolUse"]\nstart = "earliest"\nbuiltin = "none"\n';

/** A new home with a daemon that is ready. */
async function openHome({ offhook, scratch }: Means): Promise<Home> {
  const path = scratch.makeHome({ none: CONSUMER });
  const daemon = startDaemon(offhook, path, scratch);
  await daemon.ready();
  return { path, daemon, inspection: inspectHome(path), seq: 0 };
}

/** Ends its daemon and removes it: it holds some hundred MB, which the next turn does not need. */
async function closeHome({ path, daemon, inspection }: Home): Promise<void> {
  inspection.close();
  await daemon.stop();
  rmSync(path, { recursive: true, force: true, maxRetries: 5 });
}

type Published = { acknowledged: string[]; refused: Set<string> };
type Surroundings = { means: Means; home: Home; numbers: () => number; payloads: Payloads };

/** One turn of one cell: all its publishers at once, until it is over. */
async function publishAll(
  cell: Cell,
  plan: LoadPlan,
  { means, home, numbers, payloads }: Surroundings,
): Promise<Published> {
  const { offhook, scratch } = means;
  const program = { name: "publish", argv: [offhook, "publish"], env: scratch.envOf(home.path), cwd: scratch.path };
  const most = Math.min(plan.mostEvents, Math.floor(plan.mostBytes / cell.payloadBytes));
  const published: Published = { acknowledged: [], refused: new Set() };
  let begun = 0;
  const beganMs = performance.now();
  const publisher = async () => {
    do {
      begun++;
      const { id, stdin } = payloads(numbers());
      const { tookMs, end, said, isRead } = await runOnce(program, stdin, { scratch });
      if (end === 0 && (await isRead)) {
        published.acknowledged.push(id);
        cell.timesMs.push(tookMs);
      } else {
        published.refused.add(id);
        cell.refused++;
        cell.firstRefusal ??= end === 0 ? "its stdin was not read to the end" : `${end ?? "not started"}: ${said}`;
      }
    } while (begun < most && performance.now() - beganMs < plan.cellMs);
  };
  await Promise.all(Array.from({ length: cell.publishers }, publisher));
  cell.perSecond.push((published.acknowledged.length / (performance.now() - beganMs)) * 1000);
  return published;
}

/** Whether the daemon has taken in and settled all that there is. */
function isOver({ path, inspection }: Home): boolean {
  return readdirSync(join(path, "spool", "new")).length === 0 && isAllSettled(inspection, 1);
}

/** Adds what is in the stream since the cell began to its counts, by id, and moves on to the end of the stream. */
function addCounts(cell: Cell, home: Home, { acknowledged, refused }: Published): void {
  const found: string[] = [];
  for (const event of eventsAfter(home.inspection, home.seq)) {
    home.seq = event.seq;
    // Not acknowledged, but in the stream, whole or cut short: neither missing nor foreign. Twice it would be.
    if (!refused.delete(event.toolUseId ?? idAtTheBegin(event.data))) found.push(event.toolUseId ?? event.id);
  }
  const counted = countById(acknowledged, found);
  for (const figure of ["acknowledged", "arrived", "missing", "foreign"] as const) cell[figure] += counted[figure];
}

type Payloads = (number: number) => { id: string; stdin: Stdin };

/** Payloads of one size that differ in their tool_use_id alone: of 5 MB there is one, however many publishers share it. */
function payloadMaker(recorded: string, sizeBytes: number): Payloads {
  const { tool_use_id, ...others } = JSON.parse(payloadsOf(recorded, sizeBytes)(0));
  // In front, where a payload that was cut short still has it.
  const template = Buffer.from(`${JSON.stringify({ tool_use_id, ...others })}\n`);
  const at = template.indexOf(tool_use_id);
  const [before, after] = [template.subarray(0, at), template.subarray(at + tool_use_id.length)];
  return (number) => {
    const id = idOf(number);
    return { id, stdin: [Buffer.concat([before, Buffer.from(id)]), after] };
  };
}

/** The id of a payload that may have lost its end; "" where there is none. */
function idAtTheBegin(data: string): string {
  return /^\{"tool_use_id":"(\w+)"/.exec(data)?.[1] ?? "";
}

/** As payloadsOf writes them. */
function idOf(number: number): string {
  return `toolu_${String(number).padStart(20, "0")}`;
}

/** 1, 2, 3, and so on. */
function counter(): () => number {
  let last = 0;
  return () => ++last;
}

function newCell(publishers: number, payloadBytes: number): Cell {
  const counts = { acknowledged: 0, arrived: 0, missing: 0, foreign: 0, refused: 0 };
  return { publishers, payloadBytes, ...counts, timesMs: [], perSecond: [], firstRefusal: null };
}

function resultOf({ timesMs, perSecond, firstRefusal, ...cell }: Cell): LoadCell {
  if (timesMs.length === 0)
    throw new OffhookError(
      EXIT.failed,
      `of ${cell.refused} publishes of ${cell.payloadBytes} bytes, ${cell.publishers} at once, none was acknowledged: ${firstRefusal}`,
    );
  return { ...cell, times: timesOf(timesMs), perSecond: spreadOf(perSecond.map((rate) => Math.round(rate * 10) / 10)) };
}
