// The state of a home, gathered from the spool, the ledger, the lock and, where one runs, the daemon itself.
// Without a daemon the consumer files are read here, so a broken file is seen before anything is started.
import { loadConsumers } from "../config/load.ts";
import { nodeNameOf } from "../config/node.ts";
import { pathsOf } from "../config/paths.ts";
import { loadSecrets } from "../config/secrets.ts";
import { EXIT, messageOf, OffhookError } from "../errors.ts";
import { type SpoolState, spoolState } from "../spool/collect.ts";
import type { GroupState } from "../stream/group-state.ts";
import { openInspection } from "../stream/inspect.ts";
import { version } from "../version.ts";
import { askDaemon } from "./control.ts";
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
  consumers: StatusConsumer[];
};

export type StatusConsumer = RosterEntry &
  Omit<GroupState, "consumer" | "removedMs" | "lastOutcomeMs"> & { lastOutcomeAt: string | null };

/** Gathers the state; `home` is null where there is none yet, `path` is where it would be. */
export async function gather(home: string | null, path: string, now: number): Promise<Status> {
  const nothing = { events: 0, firstSeq: null, lastSeq: null };
  if (home === null) {
    const daemon = { running: false, pid: null, startedAt: null, answers: false };
    return {
      version,
      node: nodeNameOf(null).name,
      configError: null,
      home: path,
      daemon,
      spool: { waiting: 0, bad: 0, newer: 0, oldestMs: null },
      stream: nothing,
      consumers: [],
    };
  }
  const node = nodeNameOf(home);
  const holder = lockHolder(home);
  const answer = holder === null ? null : await askDaemon(home);
  const inspection = openInspection(pathsOf(home).ledger);
  const groups = inspection?.groups(now) ?? [];
  const stream = inspection?.stream() ?? nothing;
  inspection?.close();
  return {
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
    spool: readSpool(home, now),
    stream,
    consumers: merge(answer?.consumers ?? readRoster(home), groups),
  };
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
function readRoster(home: string): RosterEntry[] {
  const { consumers, broken } = loadConsumers(home, loadSecrets(home));
  return [
    ...consumers.map(
      ({ name, enabled }): RosterEntry => ({ name, state: enabled ? "active" : "disabled", error: null }),
    ),
    ...broken.map(({ name, errors }): RosterEntry => ({ name, state: "broken", error: errors.join("\n") })),
  ];
}

function merge(roster: readonly RosterEntry[], groups: readonly GroupState[]): StatusConsumer[] {
  const names = [...new Set([...roster.map((entry) => entry.name), ...groups.map((group) => group.consumer)])].sort();
  return names.map((name) => {
    const entry = roster.find((one) => one.name === name) ?? { name, state: "removed" as const, error: null };
    const {
      consumer: _,
      removedMs: __,
      lastOutcomeMs,
      ...counts
    } = groups.find((one) => one.consumer === name) ?? emptyGroup(name);
    return {
      ...entry,
      ...counts,
      lastOutcomeAt: lastOutcomeMs === null ? null : new Date(lastOutcomeMs).toISOString(),
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
  return { consumer, ...counts, oldestMs: null, lastOutcomeMs: null, removedMs: null };
}
