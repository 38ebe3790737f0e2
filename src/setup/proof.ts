// One real event through an installation: the hook's command line as the settings have it, spool, daemon, consumer. Says how
// long each took. Leaves nothing but the event itself.
//
// Where no daemon runs, one is started for this consumer alone and ended again; what waits in the spool is taken in with it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathsOf } from "../config/paths.ts";
import { askDaemon } from "../daemon/control.ts";
import { lockHolder } from "../daemon/lock.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { type DeliveryView, openInspection } from "../ledger/inspect.ts";
import { endsWithin } from "../system/wait.ts";
import type { Proof } from "./proof-payload.ts";

/** The hook as Claude Code runs it: with `args` directly, without them by `sh -c`. */
export type HookLine = { command: string; args: readonly string[] | null };

/**
 * How far it came, in ms from the moment the hook was started: `hookMs` until it had ended, `streamMs` until the event was seen in
 * the stream, `deliveredMs` until the delivery had ended. `outcome`: of its last attempt; running: it was not waited for any more. `trouble`: a sentence with what to do.
 */
export type Proven = {
  event: string;
  reached: "nothing" | "spool" | "stream" | "consumer";
  hookMs: number;
  streamMs: number | null;
  consumer: string | null;
  deliveredMs: number | null;
  outcome: string | null;
  /** How long the consumer waits for quiet before it begins. */
  quietMs: number;
  delivery: string | null;
  daemon: "running" | "for this only" | "none";
  trouble: string | null;
};

const HOOK_LIMIT_MS = 10_000;
const DAEMON_LIMIT_MS = 15_000;
const DELIVERY_LIMIT_MS = 30_000;
const LOOK_EVERY_MS = 20;
const ENDED = ["ok", "findings", "dead"];

/** A directory below the home for the payload's file, a project of its own; `end` takes it away. */
export function openScratch(home: string): { path: string; end(): void } {
  const path = mkdtempSync(join(home, "proof-"));
  // Or the project would be whatever repository the home lies in.
  mkdirSync(join(path, ".git"), { mode: 0o700 });
  return { path, end: () => rmSync(path, { recursive: true, force: true }) };
}

/** Sends the payload and follows it. `session` is its session_id, which no other event has; `signal` ends the waiting. */
export async function prove(proof: Proof, options: ProveOptions): Promise<Proven> {
  const { home, line, cwd, session, signal } = options;
  const result: Proven = {
    event: proof.event,
    reached: "nothing",
    hookMs: 0,
    streamMs: null,
    consumer: proof.consumer?.name ?? null,
    deliveredMs: null,
    outcome: null,
    quietMs: proof.consumer?.debounce?.quietMs ?? 0,
    delivery: null,
    daemon: "none",
    trouble: null,
  };
  if (proof.file !== null) writeFileSync(proof.file.path, proof.file.text, { mode: 0o600 });
  const daemon = await daemonFor(proof.consumer?.name ?? null, options);
  try {
    result.daemon = daemon.kind;
    result.trouble = daemon.trouble;
    const beganMs = Date.now();
    const began = performance.now();
    const failure = await runHook(line, proof, cwd);
    result.hookMs = performance.now() - began;
    if (failure !== null) return { ...result, trouble: failure };
    result.reached = "spool";
    if (daemon.kind === "none" || daemon.trouble !== null) return result;
    await follow(result, { ledger: pathsOf(home).ledger, session, began, beganMs, signal });
    return result;
  } finally {
    await daemon.end();
  }
}

export type ProveOptions = {
  home: string;
  line: HookLine;
  /** Where the hook runs: the payload's project. */
  cwd: string;
  session: string;
  /** Whether a service is to run the daemon: it may be on its way. */
  expectsDaemon: boolean;
  /** This program as it is started: path and words before the command. */
  self: readonly string[];
  signal: AbortSignal;
};

/** Runs the hook as Claude Code does. Gives what went wrong as a sentence; null: nothing. */
async function runHook({ command, args }: HookLine, { payload }: Proof, cwd: string): Promise<string | null> {
  const argv = args === null ? ["/bin/sh", "-c", command] : [command, ...args];
  const { OFFHOOK_DEPTH: _, ...env } = process.env;
  const stdin = Buffer.from(`${JSON.stringify(payload)}\n`);
  try {
    const hook = Bun.spawn(argv, {
      env: { ...env, CLAUDE_PROJECT_DIR: cwd },
      cwd,
      stdin,
      stdout: "pipe",
      stderr: "pipe",
      timeout: HOOK_LIMIT_MS,
      killSignal: "SIGKILL",
    });
    const [stdout, stderr] = await Promise.all([hook.stdout.text(), hook.stderr.text(), hook.exited]);
    if (hook.exitCode === null) return `The hook did not end within ${HOOK_LIMIT_MS / 1000} s: ${argv.join(" ")}`;
    if (hook.exitCode !== 0) return `The hook ended with ${hook.exitCode}: ${stderr.trim() || argv.join(" ")}`;
    return stdout === "" ? null : `The hook printed something, which Claude Code would read: ${stdout.trim()}`;
  } catch (error) {
    return `The hook cannot be started: ${(error as Error).message}`;
  }
}

type OwnDaemon = { kind: Proven["daemon"]; trouble: string | null; end(): Promise<void> };

/** A daemon that knows the consumer: the one that runs, or where none does one for this only; none for no consumer. */
async function daemonFor(consumer: string | null, options: ProveOptions): Promise<OwnDaemon> {
  const { home, expectsDaemon, self, signal } = options;
  const deadline = performance.now() + DAEMON_LIMIT_MS;
  const isWaiting = () => performance.now() < deadline && !signal.aborted;
  while (expectsDaemon && lockHolder(home) === null && isWaiting()) await Bun.sleep(LOOK_EVERY_MS);
  const runs = lockHolder(home) !== null;
  const nothing = async () => undefined;
  if (!runs && expectsDaemon)
    return { kind: "none", trouble: "The service runs no daemon. See: offhook service logs", end: nothing };
  if (!runs && consumer === null) return { kind: "none", trouble: null, end: nothing };
  const child = runs
    ? null
    : Bun.spawn([...self, "consume", "--quiet", consumer ?? ""], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const kind = child === null ? "running" : "for this only";
  const end = async () => {
    child?.kill("SIGTERM");
    // What it runs gets 20 s; the second signal ends that at once.
    if (child !== null && !(await endsWithin(child.exited, 2_000))) child.kill("SIGTERM");
    await child?.exited;
  };
  while (isWaiting()) {
    const entry = (await askDaemon(home))?.consumers.find((one) => one.name === consumer);
    if (consumer === null || entry?.state === "active") return { kind, trouble: null, end };
    if (entry !== undefined)
      return { kind, trouble: `${consumer} is ${entry.state}, so nothing runs for it. See: offhook status`, end };
    if (child !== null && child.exitCode !== null)
      return { kind, trouble: `The daemon does not start: ${(await child.stderr.text()).trim()}`, end };
    await Bun.sleep(LOOK_EVERY_MS);
  }
  return { kind, trouble: `The daemon does not know ${consumer} yet. See: offhook status`, end };
}

/** Waits for the event in the stream, and for its delivery. */
async function follow(
  result: Proven,
  {
    ledger,
    session,
    began,
    beganMs,
    signal,
  }: { ledger: string; session: string; began: number; beganMs: number; signal: AbortSignal },
): Promise<void> {
  const deadline = performance.now() + DELIVERY_LIMIT_MS;
  while (performance.now() < deadline && !signal.aborted) {
    const seen = look(ledger, session, result.consumer);
    if (seen.isThere && result.streamMs === null) {
      result.reached = "stream";
      result.streamMs = performance.now() - began;
    }
    if (seen.isThere && result.consumer === null) return;
    const { delivery } = seen;
    if (delivery !== null) result.delivery = delivery.id;
    const last = delivery?.attempts.at(-1);
    result.outcome = last !== undefined && last.outcome === null ? "running" : null;
    const isOver = delivery !== null && (ENDED.includes(delivery.state) || delivery.state === "backoff");
    if (delivery !== null && last !== undefined && isOver) {
      result.reached = "consumer";
      result.deliveredMs = last.startedMs + (last.durationMs ?? 0) - beganMs;
      result.outcome = last.outcome;
      if (last.outcome !== "ok" && last.outcome !== "findings")
        result.trouble = `${delivery.consumer} did not go well (${last.reason ?? last.outcome}). See: offhook show ${delivery.id}`;
      return;
    }
    await Bun.sleep(LOOK_EVERY_MS);
  }
  if (signal.aborted || result.outcome === "running") return;
  const patience = DELIVERY_LIMIT_MS / 1000;
  result.trouble =
    result.reached === "stream"
      ? `${result.consumer} was not done after ${patience} s. See: offhook deliveries`
      : `The event did not come into the stream within ${patience} s. See: offhook status`;
}

function look(
  ledger: string,
  session: string,
  consumer: string | null,
): { isThere: boolean; delivery: DeliveryView | null } {
  const inspection = openInspection(ledger);
  if (inspection === null) return { isThere: false, delivery: null };
  try {
    const filter = { afterSeq: 0, throughSeq: null, sinceMs: null, session, wants: () => true };
    const isThere = inspection.lastEvents(filter, 1).length > 0;
    const [delivery = null] = isThere ? inspection.deliveries({ consumer, state: null, session, limit: 1 }) : [];
    return { isThere, delivery: consumer === null ? null : delivery };
  } finally {
    inspection.close();
  }
}

/** The hook line that Claude Code would run for an event. Error: none of ours stands there (1). */
export function lineFor(
  event: string,
  registered: readonly { event: string; command: string; args: readonly string[] | null }[],
): HookLine {
  const hook = registered.find((one) => one.event === event) ?? registered[0];
  if (hook === undefined)
    throw new OffhookError(EXIT.failed, "no hook of ours stands in the settings", "offhook setup --sync");
  return { command: hook.command, args: hook.args };
}
