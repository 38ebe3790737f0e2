// The cluster's part of `offhook status`: what a person should do about it, and how it looks. Pure; loads nothing of the cluster.

import { count, duration, oneLine, paint, table } from "../cli/print.ts";
import type { Status, StatusConsumer } from "../daemon/status.ts";
import type { ClusterView, ConsumerView, NodeView } from "../fleet/picture.ts";

/** A node that is silent for longer, and trouble that lasts longer, do not pass by themselves. */
const LASTS_MS = 60_000;
/** How long it is told that Redis lost data. */
const LOSS_TOLD_MS = 7 * 86_400_000;
/** Characters of what is not known that are shown. */
const SHOWN = 80;
/** Redis is nearly full of events from this part of `cap` on. */
const ALARM = 0.8;

/** The state of a home with the cluster's figures in the rows of its cluster consumers. Pure. */
export function withCluster(
  status: Status,
  cluster: ClusterView,
  isOfCluster: (row: StatusConsumer) => boolean,
): Status {
  const consumers = status.consumers.map((row): StatusConsumer => {
    if (!isOfCluster(row)) return { ...row, scope: "node" };
    return inCluster({ ...row, scope: "cluster", seen: cluster.unseen === null }, cluster);
  });
  return { ...status, consumers, cluster };
}

function inCluster(row: StatusConsumer, cluster: ClusterView): StatusConsumer {
  const found = cluster.consumers.find((one) => one.name === row.name);
  if (found === undefined) {
    // What this node owns of it is known without Redis.
    const owned = cluster.daemon?.owned.filter((one) => one.consumer === row.name) ?? [];
    const sum = (of: "pending" | "held" | "dead") => owned.reduce((all, one) => all + one[of], 0);
    const lag = Math.max(0, ...owned.map((one) => one.lag));
    return { ...row, lag, pending: sum("pending"), held: sum("held"), dead: sum("dead") };
  }
  const {
    state: _,
    partitions: __,
    otherFile: ___,
    noFile: ____,
    wanted: _____,
    skippedBy: ______,
    ...figures
  } = found;
  const couldRun = row.state === "active" || row.state === "stale" || row.state === "disabled";
  return { ...row, ...figures, state: figures.paused && couldRun ? "paused" : row.state };
}

/** What a person should do about the cluster, a sentence each; empty when nothing. `status` is that of withCluster. Pure. */
export function neededInCluster(status: Status): string[] {
  const { cluster } = status;
  if (cluster === undefined) return [];
  const shown = new Set(status.consumers.flatMap((one) => (one.scope === "cluster" ? one.name : [])));
  return [
    ...ofThisNode(cluster, status),
    ...cluster.nodes.flatMap(ofNode),
    ...cluster.consumers.flatMap((one) => ofConsumer(one, !shown.has(one.name))),
    ...ofCap(cluster),
    ...ofRecords(cluster),
    // Names that come from Redis may hold anything.
  ].map(oneLine);
}

function ofThisNode({ daemon, unseen, nameTaken }: ClusterView, { daemon: { running, answers } }: Status): string[] {
  if (!running || !answers) return [];
  if (daemon === null)
    return [
      "The daemon takes no part in the cluster: it was started before config.toml had [cluster]. Start it again.",
    ];
  const { trouble, troubleMs = null, forward } = daemon;
  const waits = forward.lag > 0 ? ` ${count(forward.lag, "event waits", "events wait")} in the ledger to be sent.` : "";
  const lastedMs = Math.max(troubleMs ?? 0, forward.lag > 0 ? (forward.oldestMs ?? 0) : 0);
  // That passes only by a person, so it is said at once.
  if (nameTaken) return [`${oneLine(trouble ?? "")}.${waits}`];
  const why = trouble ?? forward.trouble ?? unseen;
  // Full is told of by the cap, with what to do.
  if (why === null || lastedMs <= LASTS_MS || forward.isFull) return [];
  return [`For ${duration(lastedMs)} nothing reaches the cluster: ${oneLine(why)}.${waits} Look: offhook cluster ping`];
}

function ofNode({ name, isHere, alive, silentMs, forward }: NodeView): string[] {
  // Of this node the first lines tell already.
  if (isHere || alive || silentMs <= LASTS_MS) return [];
  const unsent = forward.lag > 0 ? ` ${count(forward.lag, "event")} of it had not been sent.` : "";
  return [
    `${name} is silent for ${duration(silentMs)}.${unsent} Start it, or where it is gone for good: offhook cluster forget ${name}`,
  ];
}

function ofConsumer(
  { name, state, partitions, otherFile, wanted, dead }: ConsumerView,
  isElsewhere: boolean,
): string[] {
  const needs: string[] = [];
  const unowned = partitions.filter((one) => one.owner === null);
  if (state === "unowned")
    needs.push(
      `${name} runs nowhere (${partitionsText(unowned.map((one) => one.partition))}): no live node can, its file is missing, broken or disabled everywhere. Bring it back on one, or: offhook forget ${name}`,
    );
  if (otherFile.length > 0)
    needs.push(
      `${name} has another file on ${otherFile.join(", ")}, which cannot take it over. Make the files the same everywhere: consumers/${name}.toml`,
    );
  if (wanted !== null)
    needs.push(
      `${name} has ${count(partitions.length, "partition")} in the cluster, and its file here says ${wanted}: that is fixed when it begins. Write ${partitions.length}, or take the file away on every node, then: offhook forget ${name}`,
    );
  if (isElsewhere && dead > 0)
    needs.push(`${name} has ${count(dead, "dead letter")}. See why: offhook dead-letters list --consumer ${name}`);
  return needs;
}

function ofCap({ events, cap, consumers }: ClusterView): string[] {
  if (events < ALARM * cap) return [];
  const slowest = consumers.toSorted((a, b) => b.lag - a.lag)[0];
  const holds =
    slowest === undefined || slowest.lag === 0 ? "" : ` ${slowest.name} is behind by ${count(slowest.lag, "event")}.`;
  const percent = Math.floor((100 * events) / cap);
  return [
    `Redis holds ${percent} % of the events that it may (${events} of ${cap}).${holds} At ${cap} nodes keep theirs until there is room: let the consumers catch up, lower keep, or raise cap in [cluster].`,
  ];
}

/** What Redis has and this offhook cannot read; a sentence, or none. What it is called is not ours, so it stands in no command. */
export function ofRecords({ unreadable }: Pick<ClusterView, "unreadable">): string[] {
  const [first] = unreadable;
  if (first === undefined) return [];
  const more = unreadable.length === 1 ? "" : ` and ${unreadable.length - 1} more`;
  return [
    `Redis has what this offhook cannot read: ${first.slice(0, SHOWN)}${more}. Upgrade this node, or where it is not offhook's: take it out of the hash (HDEL in redis-cli)`,
  ];
}

/** The section of the cluster, below that of the node. */
export function clusterLines(cluster: ClusterView, { version, consumers: rows }: Status): string[] {
  const { addresses, unseen, unsent, events, cap, lastSeq, nodes, consumers, lossAt } = cluster;
  const head = `${paint("bold", "cluster")} ${addresses.join(", ")}`;
  const waiting = `        ${count(unsent, "event waits", "events wait")} in the ledger to be sent`;
  const waits = unsent > 0 && (unseen !== null || cluster.daemon === null) ? [waiting] : [];
  if (unseen !== null) return [head, `        cannot be seen from here: ${oneLine(unseen)}`, ...waits];
  const noted = new Set(rows.flatMap((one) => (one.scope === "cluster" ? one.name : [])));
  const notes = consumers.flatMap((one) => notesOf(one, !noted.has(one.name)));
  // How long that lasts only the node itself knows.
  for (const { name, isHere, alive, forward } of nodes)
    if (alive && !isHere && forward.trouble !== null) notes.push(`${name} cannot send its events: ${forward.trouble}`);
  if (lossAt !== null && Date.now() - Date.parse(lossAt) < LOSS_TOLD_MS)
    notes.push(`Redis lost data at ${lossAt}; the nodes sent again what they had`);
  return [
    head,
    `        ${count(events, "event")} of at most ${cap}${lastSeq === 0 ? "" : `, up to ${lastSeq}`}`,
    ...waits,
    "",
    ...(nodes.length === 0 ? ["No node has told of itself yet."] : nodeTable(nodes, version)),
    ...consumers.flatMap((one) => ["", ...consumerLines(one)]),
    ...(notes.length === 0 ? [] : ["", ...notes.map((note) => paint("dim", `- ${oneLine(note)}`))]),
  ];
}

/** The table of nodes, of `status` and of `cluster nodes`. */
export function nodeTable(nodes: readonly NodeView[], version: string): string[] {
  const hasOther = nodes.some((one) => one.version !== version);
  const rows = nodes.map((one) => [
    oneLine(one.name),
    one.isHere ? "here" : one.alive ? "alive" : `silent ${duration(one.silentMs)}`,
    ...(hasOther ? [one.version === version ? "" : oneLine(one.version)] : []),
    String(one.forward.lag),
    String(one.local.lag),
    String(one.local.pending),
    String(one.local.dead),
    String(one.owned.length),
  ]);
  const numbers = ["unsent", "lag", "pending", "dead", "owns"];
  return table(["node", "seen", ...(hasOther ? ["version"] : []), ...numbers], rows, numbers);
}

function consumerLines(one: ConsumerView): string[] {
  const { partitions, state } = one;
  const [only] = partitions;
  const isOne = partitions.length === 1 && only !== undefined;
  const where = isOne ? `, ${oneLine(only.owner ?? "nobody's")}` : `, ${partitions.length} partitions`;
  return [
    `${paint("bold", oneLine(one.name))}  ${state}${where}`,
    ...(isOne ? [] : [`  ${ownersText(one)}`]),
    `  lag ${one.lag}, pending ${one.pending}, dead ${one.dead}`,
    `  ok ${one.ok}, findings ${one.findings}, failed ${one.failed}, skipped ${one.skipped}`,
  ];
}

/** "0-3 alpha, 4 beta, 5 nobody's": which node owns what. */
function ownersText({ partitions }: ConsumerView): string {
  const byOwner = Map.groupBy(partitions, (one) => one.owner);
  return Array.from(byOwner, ([owner, owned]) => {
    const numbers = rangesOf(owned.map((one) => one.partition));
    return `${numbers} ${oneLine(owner ?? "nobody's")}`;
  }).join(", ");
}

/** "alert 0-3, slack 0" of CONSUMER/PARTITION: what one node owns. */
export function ownedText(owned: readonly string[]): string {
  const places = owned.map((one) => ({
    consumer: one.replace(/\/\d+$/, ""),
    partition: Number(/\d+$/.exec(one)?.[0]),
  }));
  const byConsumer = Map.groupBy(places, (one) => one.consumer);
  return Array.from(byConsumer, ([consumer, its]) => {
    const numbers = its.map((one) => one.partition).sort((a, b) => a - b);
    return `${oneLine(consumer)} ${rangesOf(numbers)}`;
  }).join(", ");
}

function notesOf({ name, noFile, partitions, state }: ConsumerView, isElsewhere: boolean): string[] {
  const asked = partitions.reduce((sum, one) => sum + one.asked, 0);
  const without = `${name}: no part in it has ${noFile.join(", ")} (no file, a broken one, or disabled there)`;
  return [
    ...(noFile.length > 0 && state !== "unowned" ? [without] : []),
    ...(isElsewhere && state === "paused" ? [`${name} is paused. Go on: offhook resume ${name}`] : []),
    ...(asked > 0 ? [`${name}: ${count(asked, "change waits", "changes wait")} for the owner of a partition`] : []),
  ];
}

function partitionsText(partitions: readonly number[]): string {
  return partitions.length === 1 ? `partition ${partitions[0]}` : `partitions ${rangesOf(partitions)}`;
}

/** "0-3, 5" of ascending numbers. */
function rangesOf(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const one of numbers) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === one - 1) last[1] = one;
    else ranges.push([one, one]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(",");
}
