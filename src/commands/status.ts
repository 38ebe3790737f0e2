// `offhook status`: is everything moving, and if not, what should a person do. Exit 1 when one is needed.
import { noMoreThan, parse } from "../cli/args.ts";
import { duration, flush, oneLine, paint, print, table } from "../cli/print.ts";
import { homeForLooking, wantedHome } from "../config/paths.ts";
import { gather, type Status, type StatusConsumer } from "../daemon/status.ts";
import { EXIT } from "../errors.ts";

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parse("status", argv, { json: { type: "boolean" } });
  noMoreThan("status", positionals, 0);
  const home = homeForLooking();
  const status = await gather(home, wantedHome(), Date.now());
  const needs = whatIsNeeded(status);
  if (values.json) print(JSON.stringify(status));
  else for (const line of lines(status, needs)) print(line);
  flush();
  return needs.length === 0 ? EXIT.ok : EXIT.failed;
}

/** An event that waits in the spool so long, beside a daemon that runs, is nothing that passes by itself. */
const LATE_MS = 60_000;

/** What a person should do, a sentence each; empty when nothing. Pure. */
export function whatIsNeeded(status: Status): string[] {
  const needs: string[] = [];
  const { daemon, spool } = status;
  if (status.configError !== null)
    needs.push(`The settings are broken; no daemon can start with them:\n${indent(status.configError)}`);
  if (!daemon.running) {
    const waiting =
      spool.waiting > 0 ? `${spool.waiting} ${spool.waiting === 1 ? "event waits" : "events wait"} in the spool. ` : "";
    needs.push(`${waiting}No daemon runs. Start it: offhook consume`);
  } else if (!daemon.answers) {
    needs.push(`The daemon (pid ${daemon.pid}) does not answer. Look at its output; end it with: kill ${daemon.pid}`);
  }
  if (daemon.running && spool.waiting > spool.newer && (spool.oldestMs ?? 0) > LATE_MS)
    needs.push(
      `Events wait in the spool for ${duration(spool.oldestMs ?? 0)}, though the daemon runs. Its output says why: a full disk, for one.`,
    );
  if (spool.newer > 0)
    needs.push(
      `${spool.newer} ${spool.newer === 1 ? "event was written by a newer offhook and waits" : "events were written by a newer offhook and wait"}. Upgrade this one (it is ${status.version}).`,
    );
  if (spool.bad > 0)
    needs.push(
      `${spool.bad} in the spool ${spool.bad === 1 ? "is no event" : "are no events"}. Look into ${status.home}/spool/bad, then delete what lies there.`,
    );
  for (const consumer of status.consumers) {
    if (consumer.state === "broken")
      needs.push(`${oneLine(consumer.name)} does not run:\n${indent(consumer.error ?? "")}`);
    if (consumer.state === "stale")
      needs.push(`${consumer.name} runs its last good version, the edit is broken:\n${indent(consumer.error ?? "")}`);
    if (consumer.dead > 0 && consumer.state !== "removed") {
      needs.push(
        `${consumer.name} has ${consumer.dead} dead ${consumer.dead === 1 ? "letter" : "letters"}. See why: offhook deliveries --consumer ${consumer.name} --state dead`,
      );
    }
  }
  return needs;
}

function lines(status: Status, needs: readonly string[]): string[] {
  const { daemon, spool, stream } = status;
  const since = daemon.startedAt === null ? "" : ` for ${duration(Date.now() - Date.parse(daemon.startedAt))}`;
  const oldest = spool.oldestMs === null ? "" : `, the oldest for ${duration(spool.oldestMs)}`;
  return [
    `${paint("bold", "node")}    ${status.node}  (offhook ${status.version}, ${status.home})`,
    `${paint("bold", "daemon")}  ${daemon.running ? `${paint("green", "running")}, pid ${daemon.pid}${since}` : paint("red", "not running")}`,
    `${paint("bold", "spool")}   ${spool.waiting} waiting${oldest}`,
    `${paint("bold", "stream")}  ${stream.events} events${stream.lastSeq === null ? "" : `, up to ${stream.lastSeq}`}`,
    "",
    ...(status.consumers.length === 0
      ? [`No consumers. Put a file into ${status.home}/consumers; an example: offhook help consume`]
      : consumerTable(status.consumers)),
    ...(needs.length === 0 ? [] : ["", ...needs.map((need) => `${paint("red", "!")} ${need}`)]),
  ];
}

const NUMBERS = ["lag", "pending", "dead", "ok", "findings", "failed", "skipped", "oldest"];

function consumerTable(consumers: readonly StatusConsumer[]): string[] {
  const rows = consumers.map((consumer) => [
    oneLine(consumer.name),
    consumer.state,
    String(consumer.lag),
    String(consumer.pending),
    String(consumer.dead),
    String(consumer.ok),
    String(consumer.findings),
    String(consumer.failed),
    String(consumer.skipped),
    consumer.oldestMs === null ? "" : duration(consumer.oldestMs),
    consumer.lastOutcomeAt === null ? "" : `${duration(Date.now() - Date.parse(consumer.lastOutcomeAt))} ago`,
  ]);
  return table(["consumer", "state", ...NUMBERS, "last outcome"], rows, NUMBERS);
}

function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => `    ${oneLine(line)}`)
    .join("\n");
}
