// What workers did, in their own words: each run appends a line when it begins and one when it ends, so order, overlap and what ran
// more than once are seen without believing the ledger. A run is judged against the ledger as it was at the daemon's death.
import { existsSync, readFileSync } from "node:fs";
import type { LedgerSeen } from "./ledger-check.ts";

/** `begin` and `end`: numbers of lines, from 0; `end` is null where it was cut off. */
export type Run = { deliveryId: string; attempt: number; key: string; begin: number; end: number | null };

/** The shell of a worker that writes down its run in `path` and takes so long. A line is one write(2), appended: lines do not mix. */
export function runWriter(path: string, takesS: string): string {
  const line = (what: string) => `echo "${what} $OFFHOOK_DELIVERY_ID $OFFHOOK_ATTEMPT $OFFHOOK_FILE" >> ${path}`;
  return `${line("b")}; sleep ${takesS}; ${line("e")}`;
}

/** Every line so far; none before the first run. */
export function linesOf(path: string): string[] {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
}

/** The runs of those lines, in the order in which they began. */
export function runsIn(lines: readonly string[]): Run[] {
  const runs: Run[] = [];
  for (const [at, line] of lines.entries()) {
    const [what, deliveryId = "", attempt, key = ""] = line.split(" ");
    const begun = runs.findLast((run) => run.deliveryId === deliveryId && run.attempt === Number(attempt));
    if (what === "b") runs.push({ deliveryId, attempt: Number(attempt), key, begin: at, end: null });
    else if (begun !== undefined) begun.end = at;
    else throw new Error(`a run that did not begin has ended: ${line}`);
  }
  return runs;
}

/** The ledger as the dead daemon left it (null: it had none yet), and how many lines there were then. */
export type Death = { ledger: LedgerSeen | null; lines: number };

export type Told = {
  consumer: string;
  concurrency: number;
  runs: readonly Run[];
  death: Death | null;
  /** Of the settled home. */
  after: LedgerSeen;
};

/** Sentences for runs that must not be, of a consumer whose workers never fail; and how many runs were more than one of a delivery. */
export function wrongRuns({ consumer, concurrency, runs, death, after }: Told): { wrong: string[]; extra: number } {
  const wrong: string[] = [];
  const deliveries = after.deliveries.filter((delivery) => delivery.consumer === consumer);
  const known = new Map(deliveries.map((delivery) => [delivery.id, delivery]));
  const atDeath = new Map((death?.ledger?.deliveries ?? []).map((delivery) => [delivery.id, delivery]));
  const byDelivery = Map.groupBy(runs, (run) => run.deliveryId);

  for (const id of known.keys())
    if (!byDelivery.get(id)?.some((run) => run.end !== null)) wrong.push(`${consumer}: ${id} has no run that ended`);
  for (const run of runs) {
    const { deliveryId, attempt, begin } = run;
    if (!known.has(deliveryId)) wrong.push(`${consumer}: a run of ${deliveryId}, which the ledger does not have`);
    const then = atDeath.get(deliveryId);
    if (death !== null && begin < death.lines && (then?.attempts ?? 0) < attempt)
      wrong.push(`${consumer}: ${deliveryId} ran for the ${attempt}. time before the ledger had it`);
  }
  let extra = 0;
  for (const [id, own] of byDelivery) {
    extra += own.length - 1;
    const then = atDeath.get(id);
    const cutOff = then === undefined ? 0 : then.attempts - then.ended;
    if (own.length > 1 + cutOff)
      wrong.push(`${consumer}: ${id} ran ${own.length} times, and ${cutOff} of them were cut off`);
  }
  if (extra > concurrency)
    wrong.push(`${consumer}: ${extra} runs twice after one death, at concurrency ${concurrency}`);
  return { wrong: [...wrong, ...outOfOrder(consumer, runs, deliveries)], extra };
}

/** Runs of one key that overlap, and first runs that overtake. */
function outOfOrder(consumer: string, runs: readonly Run[], deliveries: LedgerSeen["deliveries"]): string[] {
  const wrong: string[] = [];
  const place = new Map(deliveries.map(({ id, seqs }) => [id, seqs[0] ?? 0]));
  for (const [key, own] of Map.groupBy(runs, (run) => run.key)) {
    for (const [at, run] of own.entries()) {
      const before = own[at - 1];
      if (before === undefined) continue;
      if (before.end !== null && before.end > run.begin)
        wrong.push(`${consumer}: ${before.deliveryId} and ${run.deliveryId} ran at the same time on ${key}`);
      if ((place.get(before.deliveryId) ?? 0) > (place.get(run.deliveryId) ?? 0))
        wrong.push(`${consumer}: ${run.deliveryId} ran after ${before.deliveryId}, which came later, on ${key}`);
    }
  }
  return wrong;
}

/** Sentences for what the builtin `log` wrote: each event of its deliveries once, twice only where a death cut in. */
export function wrongLines(consumer: string, path: string, death: Death | null, after: LedgerSeen): string[] {
  const wrong: string[] = [];
  const times = new Map<string, number>();
  for (const line of linesOf(path)) {
    try {
      const { id } = JSON.parse(line);
      times.set(id, (times.get(id) ?? 0) + 1);
    } catch {
      wrong.push(`${consumer}: a line that is no JSON: ${line.slice(0, 80)}`);
    }
  }
  const pending = new Set(
    (death?.ledger?.deliveries ?? [])
      .filter((delivery) => delivery.consumer === consumer && delivery.state !== "ok")
      .map((delivery) => delivery.id),
  );
  const idOf = new Map(after.events.map((event) => [event.seq, event.id]));
  for (const { id, seqs } of after.deliveries.filter((delivery) => delivery.consumer === consumer)) {
    for (const seq of seqs) {
      const eventId = idOf.get(seq) ?? "";
      const count = times.get(eventId) ?? 0;
      times.delete(eventId);
      if (count < 1 || count > (pending.has(id) ? 2 : 1)) wrong.push(`${consumer}: ${eventId} is there ${count} times`);
    }
  }
  for (const id of times.keys()) wrong.push(`${consumer}: ${id} is there, without a delivery`);
  return wrong;
}
