// Whether deliveries went as promised, by ids: what publishers were told, what the ledger has, what the workers say of themselves.
// Pure. Each finding is one sentence with the ids in it.
import type { LedgerSeen, SeenAttempt, SeenDelivery } from "./ledger-seen.ts";
import { actOf, type Kind, kindOf, type Said } from "./runs.ts";

/** One publisher: when it was started and when it had ended, in ms of one clock, and whether it exited 0. */
export type Published = { name: string; key: string; beganMs: number; endedMs: number; isAcknowledged: boolean };

export type Delivered = {
  published: readonly Published[];
  ledger: LedgerSeen;
  runs: readonly Said[];
  consumers: readonly { name: string; wants(name: string): boolean }[];
};

/** Those of a run of which something was seen, by delivery and attempt. */
type Run = { begin: Said; end: Said | null; last: Said };

const runKey = ({ deliveryId, attempt }: Pick<Said, "deliveryId" | "attempt">) => `${deliveryId} attempt ${attempt}`;

/** Everything below, one after the other. */
export function checkDeliveries(delivered: Delivered): string[] {
  return [
    ...(delivered.ledger.integrity === "ok" ? [] : [`the ledger: ${delivered.ledger.integrity}`]),
    ...lostOrTwice(delivered),
    ...wrongStreamOrder(delivered),
    ...wrongOutcomes(delivered),
    ...wrongKeyOrder(delivered),
  ];
}

/** Each acknowledged event is in the stream once, and each event of the stream is settled in each group by one delivery. */
export function lostOrTwice({ published, ledger, consumers }: Delivered): string[] {
  const findings: string[] = [];
  // The daemon's own events, which carry the session of what they are about, are nobody's here.
  const events = ledger.events.filter(({ type }) => !type.startsWith("offhook."));
  const sessions = Map.groupBy(events, (event) => event.session ?? "");
  for (const { name, isAcknowledged } of published) {
    const count = sessions.get(name)?.length ?? 0;
    if (count === 0 && isAcknowledged) findings.push(`${name} was acknowledged and is not in the stream`);
    if (count > 1) findings.push(`${name} is in the stream ${count} times`);
  }
  const names = new Set(published.map(({ name }) => name));
  const byEvent = new Map<string, SeenDelivery[]>();
  for (const delivery of ledger.deliveries) {
    for (const seq of delivery.seqs) {
      const place = `${delivery.consumer} ${seq}`;
      byEvent.set(place, [...(byEvent.get(place) ?? []), delivery]);
    }
  }
  for (const { seq, id, session } of events) {
    if (session === null || !names.has(session)) {
      findings.push(`seq ${seq} (${id}) is nobody's: ${session}`);
      continue;
    }
    for (const { name: consumer, wants } of consumers) {
      const deliveries = byEvent.get(`${consumer} ${seq}`) ?? [];
      if (deliveries.length !== (wants(session) ? 1 : 0))
        findings.push(`${session} (${id}): ${consumer} has ${deliveries.length} deliveries of it`);
      for (const { id: deliveryId, state } of deliveries) {
        if (!["ok", "findings", "dead"].includes(state))
          findings.push(`${session}: ${consumer}'s ${deliveryId} is still ${state}`);
      }
    }
  }
  for (const { consumer, seq, reason } of ledger.skips)
    findings.push(`seq ${seq} was skipped by ${consumer}: ${reason}`);
  return findings;
}

/** Whose publish had ended before another's began comes before it. */
export function wrongStreamOrder({ published, ledger }: Pick<Delivered, "published" | "ledger">): string[] {
  const byName = new Map(published.map((one) => [one.name, one]));
  const findings: string[] = [];
  let latest: Published | null = null;
  for (const { seq, session, type } of ledger.events) {
    const one = byName.get(session ?? "");
    if (one === undefined || type.startsWith("offhook.")) continue;
    if (latest !== null && one.endedMs < latest.beganMs)
      findings.push(`seq ${seq}, ${one.name}, was published before ${latest.name} was begun, and comes after it`);
    if (latest === null || one.beganMs > latest.beganMs) latest = one;
  }
  return findings;
}

/** Dead letters are those that workers asked for, every outcome is one that a worker had, and nobody ran more often than planned. */
export function wrongOutcomes({ ledger, runs }: Pick<Delivered, "ledger" | "runs">): string[] {
  const findings: string[] = [];
  const seen = runsOf(runs);
  findings.push(...seen.findings);
  const attempts = Map.groupBy(ledger.attempts, ({ deliveryId }) => deliveryId);
  const eventOf = new Map(ledger.events.map((event) => [event.seq, event]));
  const known = new Set<string>();
  for (const { id, consumer, state, reason, seqs } of ledger.deliveries) {
    const name = eventOf.get(seqs[0] ?? 0)?.session ?? "";
    const kind = actOf(consumer, kindOf(name));
    const mine = attempts.get(id) ?? [];
    const who = `${consumer}'s ${id} (${name})`;
    if ((state === "dead") !== (kind === "dead")) findings.push(`${who} is ${state}: ${reason}`);
    const counted = mine.filter((attempt) => attempt.counts);
    if (counted.length > mostOf(kind)) findings.push(`${who} has ${counted.length} attempts that count`);
    for (const attempt of mine) {
      known.add(runKey({ deliveryId: id, attempt: attempt.number }));
      const run = seen.runs.get(runKey({ deliveryId: id, attempt: attempt.number })) ?? null;
      const wrong = wrongWith(attempt, kind, run);
      if (wrong !== null) findings.push(`${who}, attempt ${attempt.number}: ${wrong}`);
    }
  }
  for (const key of seen.runs.keys())
    if (!known.has(key)) findings.push(`${key} ran, and the ledger does not know of it`);
  return findings;
}

function mostOf(kind: Kind): number {
  return { ok: 1, slow: 1, "fail-1": 2, "fail-2": 3, dead: 1, hang: 2, deaf: 2 }[kind];
}

/** What of an attempt's outcome is not what its worker did; null: nothing. */
function wrongWith(attempt: SeenAttempt, kind: Kind, run: Run | null): string | null {
  const { number, outcome, exitCode, counts, reason } = attempt;
  if (!counts) return outcome === "killed" ? null : `${outcome} does not count`;
  if (run === null) return `${outcome} (${reason}), and no worker began`;
  switch (outcome) {
    case "ok":
    case "failed": {
      const planned = exitOf(kind, number);
      if (exitCode !== planned) return `exit ${exitCode}, planned was ${planned}`;
      return run.end?.number === exitCode ? null : `exit ${exitCode}, and the worker did not come to that end`;
    }
    case "timeout":
      return kind === "hang" && number === 1 ? null : `timed out, and it does not hang`;
    default:
      return `${outcome}: ${reason}`;
  }
}

/** The exit code that a worker is to have in this attempt; null: it hangs. */
function exitOf(kind: Kind, attempt: number): number | null {
  switch (kind) {
    case "ok":
    case "slow":
      return 0;
    case "fail-1":
      return attempt > 1 ? 0 : 1;
    case "fail-2":
      return attempt > 2 ? 0 : 1;
    case "dead":
      return 100;
    case "hang":
    case "deaf":
      return attempt > 1 ? 0 : null;
    default:
      return kind satisfies never;
  }
}

/** Of a key, nothing begins before what came earlier is over, and no two runs are beside each other. */
export function wrongKeyOrder({ ledger, runs }: Pick<Delivered, "ledger" | "runs">): string[] {
  const findings: string[] = [];
  const places = new Map(
    ledger.deliveries.map(({ id, consumer, key, seqs }) => [id, { lane: `${consumer} ${key}`, seq: seqs[0] ?? 0 }]),
  );
  /** Of each key of each group: whose line was the last begin. */
  const latest = new Map<string, { said: Said; seq: number }>();
  for (const said of runs) {
    const place = places.get(said.deliveryId);
    if (place === undefined) continue; // Found by wrongOutcomes.
    const before = latest.get(place.lane);
    if (said.what === "begin") {
      if (before !== undefined && before.seq > place.seq)
        findings.push(
          `${runKey(said)} (${said.name}, seq ${place.seq}) began after ${runKey(before.said)} (seq ${before.seq}) of its key`,
        );
      latest.set(place.lane, { said, seq: place.seq });
    } else if (before !== undefined && runKey(before.said) !== runKey(said)) {
      findings.push(
        `${runKey(said)} (${said.name}) still runs, ${said.what}, when ${runKey(before.said)} of its key has begun`,
      );
    }
  }
  return findings;
}

/** What workers said, a run each; a run that was begun twice is a finding. */
export function runsOf(runs: readonly Said[]): { runs: Map<string, Run>; findings: string[] } {
  const found = new Map<string, Run>();
  const findings: string[] = [];
  for (const said of runs) {
    const run = found.get(runKey(said));
    if (said.what === "begin") {
      if (run !== undefined) findings.push(`${runKey(said)} began twice`);
      found.set(runKey(said), { begin: said, end: null, last: said });
    } else if (run === undefined) findings.push(`${runKey(said)}: ${said.what} without a begin`);
    else {
      run.last = said;
      if (said.what === "end") run.end = said;
    }
  }
  return { runs: found, findings };
}

export type Extra = {
  runs: number;
  retries: number;
  timeouts: number;
  dead: number;
  /** Runs that no rule asked for: what a kill cut off, and had begun. */
  extra: number;
  /** The most attempts in a row of one delivery that were cut off. */
  cutOffsInARow: number;
};

/** How often workers ran, and how often that was once more than the rules say. */
export function countRuns({ ledger, runs }: Pick<Delivered, "ledger" | "runs">): Extra {
  const begun = runsOf(runs).runs;
  let [extra, retries, timeouts, cutOffsInARow, row] = [0, 0, 0, 0, 0];
  let of = "";
  for (const attempt of ledger.attempts) {
    if (attempt.deliveryId !== of) row = 0;
    of = attempt.deliveryId;
    row = attempt.counts ? 0 : row + 1;
    cutOffsInARow = Math.max(cutOffsInARow, row);
    if (attempt.outcome === "timeout") timeouts++;
    if (attempt.outcome === "failed" && attempt.exitCode === 1) retries++;
    if (!attempt.counts && begun.has(runKey({ deliveryId: attempt.deliveryId, attempt: attempt.number }))) extra++;
  }
  const dead = ledger.deliveries.filter(({ state }) => state === "dead").length;
  return { runs: begun.size, retries, timeouts, dead, extra, cutOffsInARow };
}
