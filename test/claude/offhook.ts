// The compiled offhook as a person uses it: consumer files, the daemon as a process, the commands that look. Knows the
// shapes of `--json` and nothing of the inside but the spool, which is read as it lies there.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Finished, type Running, run, start, until } from "./children.ts";
import { plainEnv, type Scratch } from "./scratch.ts";

/** The binary, whose home it uses, and the environment it is given beyond that. */
export type Offhook = { binary: string; scratch: Scratch; env: Record<string, string> };

/** One event of `events --json`: its attributes, and its `data` as the very text that was printed. */
export type StreamEvent = { attributes: Record<string, unknown>; seq: number; data: string };

export type Delivery = { consumer: string; state: string; eventIds: string[] };

type Status = {
  daemon: { running: boolean; pid: number | null };
  spool: { waiting: number; bad: number };
  stream: { events: number };
  consumers: { name: string; state: string; error: string | null; lag: number; pending: number; skipped: number }[];
};

export const CONSUMERS = ["everything", "keep-log", "worker"];
const COMMAND_TIMEOUT_MS = 20_000;
const DAEMON_TIMEOUT_MS = 240_000;

/**
 * Three consumers: one that does nothing with everything, one that logs everything, one that runs worker.sh for written
 * files.
 */
export function writeConsumers(scratch: Scratch, workerScript: string): void {
  const directory = join(scratch.offhookHome, "consumers");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const write = (name: string, lines: string[]) =>
    writeFileSync(join(directory, `${name}.toml`), `${['start = "earliest"', ...lines].join("\n")}\n`, { mode: 0o600 });
  const argv = ["/bin/sh", workerScript, scratch.worked, "{file}"].map((argument) => JSON.stringify(argument));
  write("everything", ['on = ["**"]', 'builtin = "none"']);
  write("keep-log", ['on = ["**"]', 'builtin = "log"']);
  write("worker", ['on = ["PostToolUse"]', 'tools = ["Write", "Edit", "NotebookEdit"]', `run = [${argv.join(", ")}]`]);
}

/** Starts `consume`. It ends with the run at the latest. */
export function startDaemon(offhook: Offhook): Running {
  return start([offhook.binary, "consume"], { ...placeOf(offhook), timeoutMs: DAEMON_TIMEOUT_MS });
}

/**
 * Waits until `events` events are in the stream and every consumer is through with them; what is missing after 30 s.
 */
export async function waitSettled(offhook: Offhook, events: number): Promise<string[]> {
  let problems: string[] = [];
  await until(async () => {
    problems = unsettled(await readStatus(offhook), events);
    return problems.length === 0;
  }, 30_000);
  return problems;
}

/** The stream in the order it is printed. Throws when the command failed. */
export async function readStream(offhook: Offhook): Promise<StreamEvent[]> {
  return (await printed(offhook, ["events", "--json"])).map(eventOfLine);
}

/** An event from one line of JSON. Its data is cut out, not parsed: it must be the very text. */
export function eventOfLine(line: string): StreamEvent {
  const { data: _, ...attributes } = JSON.parse(line) as Record<string, unknown>;
  // A quote inside a string is escaped, so this text can only be the key; and data comes last.
  const at = line.indexOf(',"data":');
  return { attributes, seq: Number(attributes.seq), data: at < 0 ? "" : line.slice(at + 8, -1) };
}

/** Every delivery of one consumer. */
export async function readDeliveries(offhook: Offhook, consumer: string): Promise<Delivery[]> {
  const lines = await printed(offhook, ["deliveries", "--json", "--consumer", consumer]);
  return lines.map((line) => JSON.parse(line) as Delivery);
}

/**
 * What lies in the spool: the bytes of stdin of each waiting event, after the header line. Empty when nothing ever
 * came.
 */
export function readSpool(scratch: Scratch): string[] {
  const directory = join(scratch.offhookHome, "spool", "new");
  if (!existsSync(directory)) return [];
  return readdirSync(directory).map((name) => {
    const bytes = readFileSync(join(directory, name));
    return bytes.subarray(bytes.indexOf(10) + 1).toString("utf8");
  });
}

async function readStatus(offhook: Offhook): Promise<Status | null> {
  // Its exit code says whether a person is needed; before the daemon's first start there may be nothing to show.
  const { stdout } = await call(offhook, ["status", "--json"]);
  return stdout.startsWith("{") ? (JSON.parse(stdout) as Status) : null;
}

function unsettled(status: Status | null, events: number): string[] {
  if (status === null) return ["status --json printed nothing"];
  const problems: string[] = [];
  if (status.stream.events !== events) problems.push(`${status.stream.events} events in the stream, not ${events}`);
  if (status.spool.waiting > 0) problems.push(`${status.spool.waiting} files wait in the spool`);
  if (status.spool.bad > 0) problems.push(`${status.spool.bad} files were set aside as bad`);
  for (const name of CONSUMERS) {
    const consumer = status.consumers.find((each) => each.name === name);
    if (consumer === undefined) problems.push(`status does not know the consumer ${name}`);
    else if (consumer.lag > 0 || consumer.pending > 0 || consumer.error !== null)
      problems.push(JSON.stringify(consumer));
  }
  return problems;
}

async function printed(offhook: Offhook, args: string[]): Promise<string[]> {
  const result = await call(offhook, args);
  if (result.exitCode !== 0) throw new Error(`offhook ${args.join(" ")}: exit ${result.exitCode}: ${result.stderr}`);
  return result.stdout.split("\n").filter((line) => line !== "");
}

function call(offhook: Offhook, args: string[]): Promise<Finished> {
  return run([offhook.binary, ...args], { ...placeOf(offhook), timeoutMs: COMMAND_TIMEOUT_MS });
}

function placeOf(offhook: Offhook): { cwd: string; env: Record<string, string> } {
  return { cwd: offhook.scratch.project, env: { ...plainEnv(offhook.scratch), ...offhook.env } };
}
