// `offhook status`: is everything moving, and if not, what should a person do. Exit 1 when one is needed.
import { noMoreThan, parse } from "../cli/args.ts";
import { count, duration, flush, oneLine, paint, print, table } from "../cli/print.ts";
import { homeForLooking, pathsOf, wantedHome } from "../config/paths.ts";
import { blockOf, gatherAll, type Status, type StatusConsumer } from "../daemon/status.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { openInspection } from "../ledger/inspect.ts";
import { type UnsentEvents, unsentEvents } from "../setup/unsent.ts";
import { clusterHomeOf } from "./in-cluster.ts";
import { lookAtCluster } from "./look-at-cluster.ts";
import { clusterLines, neededInCluster } from "./status-cluster.ts";

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parse("status", argv, { json: { type: "boolean" } });
  noMoreThan("status", positionals, 0);
  const home = homeForLooking();
  const status = await look(home);
  const hooks = hooksOf(home);
  const needs = whatIsNeeded(status, hooks.unsent);
  if (hooks.error !== null) needs.push(hooks.error);
  if (values.json) print(JSON.stringify(withMore(status, home, hooks.unsent)));
  else for (const line of lines(status, needs)) print(line);
  flush();
  return needs.length === 0 ? EXIT.ok : EXIT.failed;
}

/** The state of this node and, where it is in one, of its cluster: both are looked at at once. */
async function look(home: string | null): Promise<Status> {
  const at = clusterHomeOf(home);
  const gathered = gatherAll(home, wantedHome(), Date.now());
  return at === null ? (await gathered).status : lookAtCluster(at, gathered);
}

/** What waits for events in vain; `error`: why that cannot be told. */
function hooksOf(home: string | null): { unsent: UnsentEvents[]; error: string | null } {
  try {
    return { unsent: unsentEvents(home), error: null };
  } catch (error) {
    if (error instanceof OffhookError) return { unsent: [], error: `${error.message}. ${error.hint ?? ""}` };
    throw error;
  }
}

/** With why events were skipped and which ones no hook sends, for each consumer: only --json shows the first. */
function withMore(status: Status, home: string | null, unsent: readonly UnsentEvents[]) {
  const inspection = home === null ? null : openInspection(pathsOf(home).ledger);
  const counts = inspection?.skipCounts(null) ?? [];
  inspection?.close();
  const skippedBy = (name: string) =>
    Object.fromEntries(counts.filter((one) => one.consumer === name).map((one) => [one.reason, one.count]));
  const unsentTo = (name: string) => unsent.find((one) => one.consumer === name)?.events ?? [];
  const consumers = status.consumers.map((one) => ({
    ...one,
    skippedBy: status.cluster?.consumers.find(({ name }) => isSeen(one, name))?.skippedBy ?? skippedBy(one.name),
    unsent: unsentTo(one.name),
  }));
  return { ...status, consumers };
}

function isSeen({ name, scope, seen }: StatusConsumer, other: string): boolean {
  return scope === "cluster" && seen === true && name === other;
}

/** An event that waits in the spool so long, beside a daemon that runs, is nothing that passes by itself. */
const LATE_MS = 60_000;

/** What a person should do, a sentence each; empty when nothing. `unsent`: events that no hook sends. Pure. */
export function whatIsNeeded(status: Status, unsent: readonly UnsentEvents[] = []): string[] {
  const needs: string[] = [];
  const { daemon, spool } = status;
  if (status.configError !== null)
    needs.push(`The settings are broken; no daemon can start with them:\n${indent(status.configError)}`);
  if (!daemon.running) {
    const waiting =
      spool.waiting > 0 ? `${spool.waiting} ${spool.waiting === 1 ? "event waits" : "events wait"} in the spool. ` : "";
    needs.push(`${waiting}No daemon runs. Start it: offhook consume`);
  } else if (!daemon.answers) {
    needs.push(
      `The daemon (pid ${daemon.pid}) does not answer. It may wait for a slow disk or a locked ledger: look again, look at its output, and only then end it: kill ${daemon.pid}`,
    );
  }
  if (status.trouble !== null) {
    const forMs = Math.max(0, Date.now() - Date.parse(status.trouble.since));
    needs.push(`For ${duration(forMs)}: ${oneLine(status.trouble.text)}. It goes on by itself once that is over.`);
  } else if (daemon.running && spool.waiting > spool.newer && (spool.oldestMs ?? 0) > LATE_MS) {
    needs.push(
      `Events wait in the spool for ${duration(spool.oldestMs ?? 0)}, though the daemon runs. Its output says why.`,
    );
  }
  for (const path of status.damagedLedgers)
    needs.push(
      `A damaged ledger was set aside, and a new one began: ${path}. See what of it you need, then move it away or delete it.`,
    );
  if (spool.newer > 0)
    needs.push(
      `${spool.newer} ${spool.newer === 1 ? "event was written by a newer offhook and waits" : "events were written by a newer offhook and wait"}. Upgrade this one (it is ${status.version}).`,
    );
  if (spool.bad > 0)
    needs.push(
      `${spool.bad} in the spool ${spool.bad === 1 ? "is no event" : "are no events"}. Look into ${status.home}/spool/bad, then delete what lies there.`,
    );
  for (const consumer of status.consumers) needs.push(...neededFor(consumer));
  needs.push(...neededInCluster(status));
  for (const { consumer, events } of unsent)
    needs.push(
      `${consumer} waits for ${events.join(", ")}, and no hook sends ${events.length === 1 ? "it" : "them"}. Mend it: offhook setup --sync`,
    );
  return needs;
}

function neededFor({ name, state, error, dead, holdingBack }: StatusConsumer): string[] {
  const letters = `${name} has ${count(dead, "dead letter")}. See why: offhook dead-letters list --consumer ${name}`;
  const edit = `${name} runs its last good version, the edit is broken:`;
  return [
    ...(state === "broken" ? [`${oneLine(name)} does not run:\n${indent(error ?? "")}`] : []),
    ...(state !== "broken" && error !== null ? [`${edit}\n${indent(error)}`] : []),
    ...(dead > 0 && state !== "removed" ? [letters] : []),
    ...(holdingBack !== null ? [oneLine(holdingBack)] : []),
  ];
}

/** What is as somebody wanted it, or hurts nobody, and is worth knowing. */
function notesOf(status: Status): string[] {
  return [
    ...status.consumers.flatMap((one) =>
      one.state === "paused" || one.state === "removed" ? [blockOf(one) ?? ""] : [],
    ),
    ...status.consumers.flatMap((one) =>
      one.waiting === "rate" ? [`${one.name} waits for its rate before it starts more`] : [],
    ),
    ...status.projectFiles.map(({ error }) => `refused, so that it silences nothing: ${oneLine(error)}`),
  ];
}

function lines(status: Status, needs: readonly string[]): string[] {
  const { daemon, spool, stream } = status;
  const since = daemon.startedAt === null ? "" : ` for ${duration(Date.now() - Date.parse(daemon.startedAt))}`;
  const oldest = spool.oldestMs === null ? "" : `, the oldest for ${duration(spool.oldestMs)}`;
  const notes = notesOf(status);
  return [
    `${paint("bold", "node")}    ${status.node}  (offhook ${status.version}, ${status.home})`,
    `${paint("bold", "daemon")}  ${daemon.running ? `${paint("green", "running")}, pid ${daemon.pid}${since}` : paint("red", "not running")}`,
    `${paint("bold", "spool")}   ${spool.waiting} waiting${oldest}`,
    `${paint("bold", "stream")}  ${count(stream.events, "event")}${stream.lastSeq === null ? "" : `, up to ${stream.lastSeq}`}`,
    "",
    ...(status.consumers.length === 0
      ? [`No consumers. Put a file into ${status.home}/consumers; an example: offhook help consume`]
      : consumerTable(status.consumers)),
    ...(status.cluster === undefined ? [] : ["", ...clusterLines(status.cluster, status)]),
    ...(notes.length === 0 ? [] : ["", ...notes.map((note) => paint("dim", `- ${note}`))]),
    ...(needs.length === 0 ? [] : ["", ...needs.map((need) => `${paint("red", "!")} ${need}`)]),
  ];
}

const FIGURES = ["lag", "held", "pending", "dead", "ok", "findings", "failed", "skipped"] as const;

function consumerTable(consumers: readonly StatusConsumer[]): string[] {
  const rows = consumers.map((consumer) => [
    oneLine(consumer.name),
    consumer.state,
    ...FIGURES.map((figure) => (consumer.seen === false ? "?" : String(consumer[figure]))),
    consumer.oldestMs === null ? "" : duration(consumer.oldestMs),
    consumer.lastOutcomeAt === null ? "" : `${duration(Date.now() - Date.parse(consumer.lastOutcomeAt))} ago`,
  ]);
  return table(["consumer", "state", ...FIGURES, "oldest", "last outcome"], rows, [...FIGURES, "oldest"]);
}

function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => `    ${oneLine(line)}`)
    .join("\n");
}
