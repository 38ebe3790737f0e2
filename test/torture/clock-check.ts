// What a played game of the clock row must show. Pure: what was published, what ran, when by both clocks, what the ledger has.
// A rule may be wrong by the wall as long as the wall was wrong, but never for longer: each time the clock is set back, whatever waits
// may wait its longest once more, and each time it is set forward, rate may let one window more begin.
import type { DeliveryRow, Moment, Played, Published, Ran } from "./clock-play.ts";
import type { Game } from "./clock-steps.ts";

/** A worker runs for less than this, and a key's next one must wait for it. */
const SLACK_MS = 1000;

/** One sentence for each thing that must not be. */
export function wrongWith(game: Game, played: Played): string[] {
  const wrong: string[] = [];
  if (played.settledMs === null) wrong.push(`not settled: ${left(played)}`);
  for (const consumer of game.consumers) {
    const of = makeView(played, consumer.name);
    wrong.push(...lost(of, played), ...tooOften(of, consumer.retry.max));
    if (consumer.dedupMs > 0) wrong.push(...wrongDuplicates(of, played, consumer.dedupMs));
    if (consumer.maxAgeMs > 0) wrong.push(...wrongAges(of, consumer.maxAgeMs));
    if (consumer.cooldownMs > 0) wrong.push(...wrongCooldowns(of, consumer.cooldownMs));
    if (consumer.rate !== null) wrong.push(...wrongRate(of, consumer.rate));
    wrong.push(...longWaits(of, consumer));
  }
  return wrong;
}

/** What one consumer made of a game. */
type View = {
  name: string;
  bySeq: Map<number, Published>;
  runs: Ran[];
  deliveries: DeliveryRow[];
  skips: Played["skips"];
  steps: Played["steps"];
  crashes: Moment[];
};

function makeView(played: Played, name: string): View {
  return {
    name,
    bySeq: new Map(played.published.map((one) => [one.seq, one])),
    runs: played.runs.filter((one) => one.consumer === name),
    deliveries: played.deliveries.filter((one) => one.consumer === name),
    skips: played.skips.filter((one) => one.consumer === name),
    steps: played.steps,
    crashes: played.crashes,
  };
}

function left({ deliveries }: Played): string {
  return deliveries
    .filter(({ state }) => !["ok", "findings", "dead"].includes(state))
    .map(({ consumer, id, state }) => `${consumer}'s ${id} is ${state}`)
    .join(", ");
}

/** Each event is in one delivery, or skipped once. */
function lost({ name, deliveries, skips }: View, { published }: Played): string[] {
  const times = new Map<number, number>();
  for (const seq of [...deliveries.flatMap((one) => one.seqs), ...skips.map((one) => one.seq)])
    times.set(seq, (times.get(seq) ?? 0) + 1);
  return published.flatMap((one) =>
    times.get(one.seq) === 1 ? [] : [`${name} has done ${one.name} ${times.get(one.seq) ?? 0} times`],
  );
}

/** As many attempts as retry allows, and one more for each crash; a dead letter has used them all. */
function tooOften({ name, runs, deliveries, crashes }: View, max: number): string[] {
  const byDelivery = Map.groupBy(runs, (run) => run.deliveryId);
  return deliveries.flatMap(({ id, state, counted }) => {
    const own = byDelivery.get(id) ?? [];
    const most = max + 1 + crashes.length;
    const wrong: string[] = [];
    if (own.length > most) wrong.push(`${name}: ${id} ran ${own.length} times, ${most} are allowed`);
    if (own.length === 0) wrong.push(`${name}: ${id} is ${state} and never ran`);
    if (state === "dead" && counted !== max + 1) wrong.push(`${name}: ${id} is dead after ${counted} tries`);
    return wrong;
  });
}

/** By the events' own time alone: nearer than the window to the last accepted one of the key, on either side, is a duplicate. */
function wrongDuplicates({ name, skips }: View, { published }: Played, windowMs: number): string[] {
  const skipped = new Set(skips.filter((one) => one.reason === "duplicate").map((one) => one.seq));
  const accepted = new Map<string, number>();
  return published.flatMap(({ name: event, key, seq, wallMs }) => {
    const last = accepted.get(key);
    const isDuplicate = last !== undefined && Math.abs(wallMs - last) < windowMs;
    if (!isDuplicate) accepted.set(key, wallMs);
    if (isDuplicate === skipped.has(seq)) return [];
    const apart = last === undefined ? "the first of its key" : `${wallMs - last} ms after the last of its key`;
    return [
      `${name}: ${event} at ${wallMs}, ${apart}, is ${isDuplicate ? "delivered again" : "skipped as a duplicate"}`,
    ];
  });
}

function wrongAges({ name, bySeq, runs, deliveries, skips }: View, maxMs: number): string[] {
  const wrong: string[] = [];
  for (const { seq, reason, atMs } of skips) {
    const ageMs = atMs - (bySeq.get(seq)?.wallMs ?? 0);
    if (reason === "max-age" && ageMs <= maxMs) wrong.push(`${name}: seq ${seq} was skipped as too old at ${ageMs} ms`);
  }
  for (const { deliveryId, attempt, begin } of runs) {
    const seqs = deliveries.find((one) => one.id === deliveryId)?.seqs ?? [];
    const ageMs = begin.wallMs - Math.max(...seqs.map((seq) => bySeq.get(seq)?.wallMs ?? 0));
    if (attempt === 1 && ageMs > maxMs) wrong.push(`${name}: ${deliveryId} began at an age of ${ageMs} ms`);
  }
  return wrong;
}

/** Skipped as cooling: the key's last run that went well ended less than the cooldown ago, by the wall, and not in the future. */
function wrongCooldowns({ name, bySeq, runs, deliveries, skips, steps }: View, cooldownMs: number): string[] {
  const wrong: string[] = [];
  const keyOf = new Map(deliveries.map(({ id, key }) => [id, key]));
  const well = runs.flatMap(({ deliveryId, end, isOk }) =>
    isOk && end !== null ? [{ key: keyOf.get(deliveryId), ...end }] : [],
  );
  for (const { seq, reason, atMs } of skips) {
    const event = bySeq.get(seq);
    if (reason !== "cooldown" || event === undefined) continue;
    const ended = well.filter(
      (one) => one.key?.endsWith(event.key) && atMs - one.wallMs >= 0 && atMs - one.wallMs < cooldownMs,
    );
    if (ended.length === 0)
      wrong.push(`${name}: ${event.name} was skipped as cooling, and nothing ended within ${cooldownMs} ms`);
    // A mark is a time of the wall: set back, the wall comes by it once more. No later than that.
    const isInTime = ended.some(({ steadyMs }) => {
      const back = steps.filter((one) => one.byMs < 0 && one.steadyMs >= steadyMs && one.steadyMs <= event.steadyMs);
      return event.steadyMs - steadyMs < cooldownMs + SLACK_MS - back.reduce((sum, one) => sum + one.byMs, 0);
    });
    if (!isInTime) wrong.push(`${name}: ${event.name} found the key cooling for too long`);
  }
  for (const { deliveryId, attempt, begin } of runs) {
    const last = well.filter((one) => one.key === keyOf.get(deliveryId) && one.steadyMs <= begin.steadyMs).at(-1);
    const sinceMs = last === undefined ? cooldownMs : begin.wallMs - last.wallMs;
    if (attempt === 1 && sinceMs >= 0 && sinceMs < cooldownMs)
      wrong.push(`${name}: ${deliveryId} began ${sinceMs} ms after its key's last`);
  }
  return wrong;
}

/** In any window of steady time no more begin than rate allows, and one window's more for each step forward in it. */
function wrongRate({ name, runs, steps }: View, { count, perMs }: { count: number; perMs: number }): string[] {
  const begins = runs.map((run) => run.begin.steadyMs).sort((one, other) => one - other);
  return begins.flatMap((fromMs, at) => {
    const within = begins.slice(at).filter((ms) => ms < fromMs + perMs).length;
    const forward = steps.filter(
      (one) => one.byMs > 0 && one.steadyMs >= fromMs && one.steadyMs < fromMs + perMs,
    ).length;
    const most = count * (1 + forward);
    return within > most
      ? [`${name}: ${within} began within ${perMs} ms from ${fromMs} ms on, ${most} are allowed`]
      : [];
  });
}

/** Nothing waits longer than its longest, by steady time: a retry, a hold, and what rate keeps. */
function longWaits(view: View, { retry, debounce, rate }: Game["consumers"][number]): string[] {
  const { name, bySeq, runs, deliveries, steps } = view;
  const wrong: string[] = [];
  const tell = (what: string, fromMs: number, toMs: number, longestMs: number) => {
    const most = longestMs * (1 + backSteps(steps, fromMs, toMs)) + SLACK_MS;
    if (toMs - fromMs > most)
      wrong.push(`${name}: ${what} waited ${toMs - fromMs} ms, from ${fromMs} ms on; at most ${most} are allowed`);
  };
  for (const [id, own] of Map.groupBy(runs, (run) => run.deliveryId)) {
    for (const [at, run] of own.entries()) {
      const before = own[at - 1];
      if (before?.end != null && !before.isOk)
        tell(`attempt ${run.attempt} of ${id}`, before.end.steadyMs, run.begin.steadyMs, retry.maxBackoffMs);
    }
  }
  /** What nothing of its own key keeps: from when it came, or the one before it was over. */
  const freeAt = (delivery: DeliveryRow): number => {
    const cameMs = Math.min(...delivery.seqs.map((seq) => bySeq.get(seq)?.steadyMs ?? 0));
    const earlier = deliveries
      .slice(0, deliveries.indexOf(delivery))
      .filter((one) => one.key === delivery.key)
      .map((one) => one.id);
    return Math.max(
      cameMs,
      ...runs.flatMap((run) => (earlier.includes(run.deliveryId) ? [run.end?.steadyMs ?? 0] : [])),
    );
  };
  const firstOf = (id: string) => runs.find((run) => run.deliveryId === id)?.begin.steadyMs ?? null;
  for (const delivery of deliveries) {
    const begunMs = firstOf(delivery.id);
    if (begunMs === null) continue;
    const fromMs = freeAt(delivery);
    if (debounce !== null) tell(`the hold ${delivery.id}`, fromMs, begunMs, debounce.maxMs);
    else if (rate === null) tell(delivery.id, fromMs, begunMs, 0);
    else {
      // The last that began before it keeps it for one window at most.
      const beganMs = Math.max(
        fromMs,
        ...runs.flatMap(({ begin }) => (begin.steadyMs < begunMs ? [begin.steadyMs] : [])),
      );
      tell(`${delivery.id}, kept by rate,`, beganMs, begunMs, rate.perMs);
    }
  }
  return wrong;
}

function backSteps(steps: Played["steps"], fromMs: number, toMs: number): number {
  return steps.filter((one) => one.byMs < 0 && one.steadyMs >= fromMs && one.steadyMs <= toMs).length;
}
