// Whether a cluster did what it promises, by ids: what was published where, what is in the stream, what workers on all nodes say of
// themselves. Pure. Each finding is one sentence with the names in it.
import type { Entry } from "./redis-eye.ts";
import { type Line, runOf, type Step } from "./work-log.ts";

/** One event: published on a node, each node one after the other. Times in ms of the wall clock. */
export type Sent = { name: string; node: string; key: string; beganMs: number; endedMs: number };

/** Whether the stream has each event once, and those of a node in the order in which they were published there. */
export function wrongStream(sent: readonly Sent[], entries: readonly Entry[]): string[] {
  const wrong: string[] = [];
  const ours = entries.filter(({ type }) => !type.startsWith("offhook."));
  const byName = Map.groupBy(ours, ({ name }) => name);
  for (const { name } of sent) {
    const found = byName.get(name) ?? [];
    if (found.length === 0) wrong.push(`${name} is not in the stream`);
    if (found.length > 1) wrong.push(`${name} is in the stream ${found.length} times: ${found.map(({ seq }) => seq)}`);
  }
  const numbers = new Map(sent.map(({ name, node }, number) => [name, { node, number }]));
  for (const { name, seq } of ours) if (!numbers.has(name)) wrong.push(`seq ${seq} is nobody's: ${name}`);

  const latest = new Map<string, Entry>();
  const highest = new Map<string, Entry>();
  for (const entry of entries) {
    const before = highest.get(entry.origin);
    if (before !== undefined && before.originSeq >= entry.originSeq && entry.name !== before.name)
      wrong.push(`seq ${entry.seq} is ${entry.origin}'s ${entry.originSeq}, after its ${before.originSeq}`);
    highest.set(entry.origin, entry);
    const place = numbers.get(entry.name);
    if (place === undefined) continue;
    const last = latest.get(place.node);
    if (last !== undefined && (numbers.get(last.name)?.number ?? 0) > place.number)
      wrong.push(`${entry.name} (seq ${entry.seq}) comes after ${last.name} (seq ${last.seq}), which came later`);
    latest.set(place.node, entry);
  }
  return wrong;
}

export type History = {
  consumer: string;
  scope: "node" | "cluster";
  sent: readonly Sent[];
  /** Where each event stands in the order that holds for this consumer: the cluster's, or its node's. */
  places: ReadonlyMap<string, number>;
  lines: readonly Line[];
  /** Workers of this consumer that a node may have in flight at once. */
  slots: number;
};

/** `excused`: events that might have run once more, whether they did or not. */
export type Judged = { wrong: string[]; runs: number; extra: number; excused: ReadonlySet<string> };

/**
 * Whether a consumer ran each event of the load, one of a key after the other, in order, and again only where its node was gone:
 * what was in flight there (running, or ended and not yet told) may run once more elsewhere, and nothing else.
 */
export function judgeRuns({ consumer, scope, sent, places, lines, slots }: History): Judged {
  const wrong: string[] = [];
  const known = new Map(sent.map((one) => [one.name, one]));
  const first = new Map<string, Step>();
  const whole = new Set<string>();
  /** By event: how often it may run once more. */
  const excuses = new Map<string, number>();
  const gone = new Map<string, { begun: number }>();
  const lastEnded = new Map<string, string[]>();
  const lanes = new Map<string, { open: Step[]; highest: string | null }>();
  const orphans = new Set<string>();
  let [runs, extra, losses] = [0, 0, 0];

  // Each node has a line of its own for a key where each works for itself.
  const laneOf = ({ key }: Sent, node: string) => (scope === "node" ? `${node} ${key}` : key);
  const excuse = (name: string) => excuses.set(name, (excuses.get(name) ?? 0) + 1);
  const begin = (step: Step) => {
    const { name, node, deliveryId } = step;
    runs++;
    const event = known.get(name);
    if (event === undefined) {
      wrong.push(`${consumer} ran ${name}, which nobody published`);
      return;
    }
    if (scope === "node" && node !== event.node) wrong.push(`${consumer}: ${name} of ${event.node} ran on ${node}`);
    const before = first.get(name);
    if (before === undefined) first.set(name, step);
    else {
      extra++;
      const left = excuses.get(name) ?? 0;
      if (left > 0) excuses.set(name, left - 1);
      else
        wrong.push(
          `${consumer}: ${name} ran again, on ${node} after ${before.node}, and was not in flight on a node that was gone`,
        );
      if (before.deliveryId !== deliveryId)
        wrong.push(`${consumer}: ${name} is two deliveries, ${before.deliveryId} and ${deliveryId}`);
    }
    const lane = lanes.get(laneOf(event, node)) ?? { open: [], highest: null };
    lanes.set(laneOf(event, node), lane);
    for (const other of lane.open)
      wrong.push(
        `${consumer}: ${name} on ${node} and ${other.name} on ${other.node} ran at the same time on ${event.key}`,
      );
    const highest = lane.highest === null ? -1 : (places.get(lane.highest) ?? -1);
    if (highest > (places.get(name) ?? -1))
      wrong.push(`${consumer}: ${name} ran after ${lane.highest}, which came later, on ${event.key}`);
    else lane.highest = name;
    const absence = gone.get(node);
    if (absence === undefined) lane.open.push(step);
    else {
      // Allowed before it was gone: no more than fits into its slots.
      orphans.add(runOf(step));
      excuse(name);
      if (++absence.begun === slots + 1)
        wrong.push(`${consumer}: ${node} went on beginning while it was gone: ${name}`);
    }
  };
  const end = (step: Step) => {
    const event = known.get(step.name);
    const lane = event === undefined ? undefined : lanes.get(laneOf(event, step.node));
    const at = lane?.open.findIndex((one) => runOf(one) === runOf(step)) ?? -1;
    if (at >= 0) lane?.open.splice(at, 1);
    else if (!orphans.delete(runOf(step)))
      wrong.push(`${consumer}: ${step.name} ended on ${step.node} and had not begun`);
    whole.add(step.name);
    lastEnded.set(step.node, [...(lastEnded.get(step.node) ?? []), step.name].slice(-slots));
  };
  const lose = (node: string) => {
    losses++;
    gone.set(node, { begun: 0 });
    for (const name of lastEnded.get(node) ?? []) excuse(name);
    for (const lane of lanes.values()) {
      for (const step of lane.open.filter((one) => one.node === node)) {
        orphans.add(runOf(step));
        excuse(step.name);
      }
      lane.open = lane.open.filter((one) => one.node !== node);
    }
  };

  for (const line of lines) {
    switch (line.kind) {
      case "gone":
        lose(line.node);
        break;
      case "back":
        gone.delete(line.node);
        break;
      case "begin":
        if (line.consumer === consumer) begin(line);
        break;
      case "end":
        if (line.consumer === consumer) end(line);
        break;
      default:
        line satisfies never;
    }
  }
  for (const { name } of sent) if (!whole.has(name)) wrong.push(`${consumer}: ${name} has no run that came to its end`);
  if (extra > losses * slots)
    wrong.push(`${consumer}: ${extra} extra runs, more than ${losses} times ${slots} in flight`);
  return { wrong, runs, extra, excused: new Set(excuses.keys()) };
}

/** Where each event stands in the stream. */
export function placesIn(entries: readonly Entry[]): Map<string, number> {
  return new Map(entries.map(({ name, seq }) => [name, seq]));
}

/** Where each event stands among those of its node. */
export function placesOnNodes(sent: readonly Sent[]): Map<string, number> {
  return new Map(sent.map(({ name }, number) => [name, number]));
}

/** A window of a key: all its events came closer together than dedup, and further from those before. */
export type Burst = { key: string; names: readonly string[] };

/** Whether there was exactly one alert for each key and window, and none for anything else. */
export function wrongAlerts(bursts: readonly Burst[], consumer: string, lines: readonly Line[]): string[] {
  const wrong: string[] = [];
  const begun = lines.flatMap((line) => (line.kind === "begin" && line.consumer === consumer ? [line] : []));
  const ended = new Set(
    lines.flatMap((line) => (line.kind === "end" && line.consumer === consumer ? [line.name] : [])),
  );
  const byName = Map.groupBy(begun, ({ name }) => name);
  for (const { key, names } of bursts) {
    const alerts = names.flatMap((name) => byName.get(name) ?? []);
    for (const name of names) byName.delete(name);
    const said = alerts.map(({ name, node }) => `${name} on ${node}`).join(", ");
    if (alerts.length !== 1) wrong.push(`${key}: ${alerts.length} alerts for one window (${names}): ${said}`);
    else if (!ended.has(alerts[0]?.name ?? "")) wrong.push(`${key}: its alert did not come to its end: ${said}`);
  }
  for (const name of byName.keys()) wrong.push(`an alert for ${name}, which is in no window`);
  return wrong;
}
