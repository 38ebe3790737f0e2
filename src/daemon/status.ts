// The state of a home, gathered from the spool, the ledger, the lock and, where one runs, the daemon itself.
// Without a daemon the consumer files are read here, so a broken file is seen before anything is started.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { loadConsumers } from "../config/load.ts";
import { ensureNodeConfig, nodeNameOf } from "../config/node.ts";
import { pathsOf } from "../config/paths.ts";
import { loadSecrets } from "../config/secrets.ts";
import { EXIT, messageOf, OffhookError } from "../errors.ts";
import type { ClusterView } from "../fleet/picture.ts";
import { damagedLedgers } from "../ledger/damaged.ts";
import type { GroupState } from "../ledger/group-state.ts";
import { openInspection } from "../ledger/inspect.ts";
import { type SpoolState, spoolState } from "../spool/collect.ts";
import { version } from "../version.ts";
import { askDaemon, type DaemonState } from "./control.ts";
import type { DiskTrouble } from "./disk.ts";
import { lockHolder } from "./lock.ts";
import type { RosterEntry } from "./roster.ts";

/** The shape of `status --json`; it changes only by addition. Ages in ms, null for none. */
export type Status = {
  version: string;
  node: string;
  home: string;
  /** What is wrong with config.toml; null: nothing. */
  configError: string | null;
  daemon: { running: boolean; pid: number | null; startedAt: string | null; answers: boolean };
  spool: { waiting: number; bad: number; newer: number; oldestMs: number | null };
  stream: { events: number; firstSeq: number | null; lastSeq: number | null };
  /** What keeps the whole daemon from going on; null: nothing, or no daemon. */
  trouble: DiskTrouble | null;
  /** Ledgers that were damaged and set aside, where they lie now. */
  damagedLedgers: string[];
  /** Files of projects that the daemon has refused: they silence nothing. */
  projectFiles: { path: string; error: string }[];
  consumers: StatusConsumer[];
  /** What is seen of the cluster; absent where the home is in none. */
  cluster?: ClusterView;
};

/**
 * `holdingBack`: what the ledger keeps for it alone, and for too long; null: nothing. In a cluster also whose it is, and of one of the
 * cluster's whether its figures could be `seen`; absent where the home is in none.
 */
export type StatusConsumer = RosterEntry &
  Omit<GroupState, "consumer" | "removedMs" | "lastOutcomeMs"> & {
    lastOutcomeAt: string | null;
    holdingBack: string | null;
    scope?: "node" | "cluster";
    seen?: boolean;
  };

/** A state, with what the daemon said of itself; null: none runs, or it does not answer. */
export type Gathered = { status: Status; answer: DaemonState | null };

/** Why what waits for a consumer does not move, and what to do; null: it moves. Pure. */
export function standstillOf(status: Status, name: string): string | null {
  const consumer = status.consumers.find((one) => one.name === name);
  const block = consumer === undefined ? null : blockOf(consumer);
  return block ?? (status.daemon.running ? null : "no daemon runs. Start it: offhook consume");
}

/** The same of the consumer alone, whether or not a daemon runs. Pure. */
export function blockOf({ name, state }: StatusConsumer): string | null {
  switch (state) {
    case "active":
    case "stale":
    case "disabled":
      return null;
    case "paused":
      return `${name} is paused. Go on: offhook resume ${name}`;
    case "broken":
      return `${name} does not run, its file is broken. How: offhook status`;
    case "left-out":
      return `${name} is left out: the daemon was started for other consumers`;
    case "removed":
      return `${name} has no file any more. Bring it back, or: offhook forget ${name}`;
    default:
      return state satisfies never;
  }
}

/** Gathers the state; `home` is null where there is none yet, `path` is where it would be. */
export async function gather(home: string | null, path: string, now: number): Promise<Status> {
  return (await gatherAll(home, path, now)).status;
}

/** The same, with the daemon's own words. */
export async function gatherAll(home: string | null, path: string, now: number): Promise<Gathered> {
  const nothing = { events: 0, firstSeq: null, lastSeq: null };
  if (home === null) {
    const daemon = { running: false, pid: null, startedAt: null, answers: false };
    const status: Status = {
      version,
      node: nodeNameOf(null).name,
      configError: null,
      home: path,
      daemon,
      spool: { waiting: 0, bad: 0, newer: 0, oldestMs: null },
      stream: nothing,
      trouble: null,
      damagedLedgers: [],
      projectFiles: [],
      consumers: [],
    };
    return { status, answer: null };
  }
  const node = nodeNameOf(home);
  const locked = lockHolder(home);
  // A command that changes something where no daemon runs holds the lock itself.
  const holder = locked?.command === undefined ? locked : null;
  const answer = holder === null ? null : await askDaemon(home);
  // Before the ledger: what leaves the spool in between is found there.
  const spool = readSpool(home, now);
  const inspection = openInspection(pathsOf(home).ledger);
  const groups = inspection?.groups(now) ?? [];
  const stream = inspection?.stream() ?? nothing;
  inspection?.close();
  const status: Status = {
    version,
    node: node.name,
    configError: node.error,
    home,
    daemon: {
      running: holder !== null,
      pid: holder?.pid ?? null,
      startedAt: holder?.startedAt ?? null,
      answers: answer !== null,
    },
    spool,
    stream,
    trouble: answer?.trouble ?? null,
    damagedLedgers: damagedLedgers(home),
    projectFiles: answer?.projectFiles ?? [],
    consumers: merge(answer?.consumers ?? readRoster(home, node.error === null), groups, answer?.holdingBack ?? []),
  };
  return { status, answer };
}

function readSpool(home: string, now: number): SpoolState {
  try {
    return spoolState(home, now);
  } catch (error) {
    throw new OffhookError(
      EXIT.failed,
      `the spool cannot be read: ${messageOf(error)}`,
      `look at what lies in ${home}/spool`,
    );
  }
}

/** What the files say where no daemon does. */
function readRoster(home: string, isConfigWell: boolean): RosterEntry[] {
  const { consumers, broken } = loadConsumers(home, loadSecrets(home));
  // Who looks makes no config.toml.
  const off = isConfigWell && existsSync(join(home, "config.toml")) ? ensureNodeConfig(home).disabled : [];
  return [
    ...consumers.map(({ name, enabled }): RosterEntry => {
      return { name, state: enabled && !off.includes(name) ? "active" : "disabled", error: null };
    }),
    ...broken.map(({ name, errors }): RosterEntry => ({ name, state: "broken", error: errors.join("\n") })),
  ];
}

function merge(
  roster: readonly RosterEntry[],
  groups: readonly GroupState[],
  holdingBack: readonly { consumer: string; text: string }[],
): StatusConsumer[] {
  const known = groups.map((group) => group.consumer);
  // A daemon remembers names whose group is forgotten.
  const present = roster.filter((entry) => entry.state !== "removed" || known.includes(entry.name));
  const names = [...new Set([...present.map((entry) => entry.name), ...known])].sort();
  return names.map((name) => {
    const entry = roster.find((one) => one.name === name) ?? { name, state: "removed" as const, error: null };
    const {
      consumer: _,
      removedMs: __,
      lastOutcomeMs,
      ...counts
    } = groups.find((one) => one.consumer === name) ?? emptyGroup(name);
    const couldRun = entry.state === "active" || entry.state === "stale" || entry.state === "disabled";
    return {
      ...entry,
      state: counts.paused && couldRun ? "paused" : entry.state,
      ...counts,
      lastOutcomeAt: lastOutcomeMs === null ? null : new Date(lastOutcomeMs).toISOString(),
      holdingBack: holdingBack.find((one) => one.consumer === name)?.text ?? null,
    };
  });
}

function emptyGroup(consumer: string): GroupState {
  const counts = {
    lag: 0,
    pending: 0,
    held: 0,
    ready: 0,
    running: 0,
    backoff: 0,
    dead: 0,
    ok: 0,
    findings: 0,
    failed: 0,
    skipped: 0,
  };
  const times = { oldestMs: null, lastOutcomeMs: null, removedMs: null };
  return { consumer, paused: false, waiting: null, ...counts, ...times };
}
