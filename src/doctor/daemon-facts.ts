// The daemon as it answers, and the consumer files as they lie there. Looks only: secrets.env is read without putting its mode right.
import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type BrokenConsumer, loadConsumers } from "../config/load.ts";
import { parseNodeConfig } from "../config/node.ts";
import { readOwnFile } from "../config/own-file.ts";
import { pathsOf } from "../config/paths.ts";
import type { Consumer } from "../config/schema.ts";
import { parseSecrets, type SecretValues } from "../config/secret-text.ts";
import { askDaemon, type DaemonState } from "../daemon/control.ts";
import { lockHolder } from "../daemon/lock.ts";

export type DaemonFacts = {
  /** Who holds the home; null: no daemon. */
  holder: { pid: number; startedAt: string } | null;
  /** What it says of itself; null: it does not answer. */
  state: DaemonState | null;
};

export type ConsumerFacts = { consumers: Consumer[]; broken: BrokenConsumer[] };

/** Asks whether a daemon runs and what it says. Errors: as lockHolder. */
export async function lookAtDaemon(home: string): Promise<DaemonFacts> {
  const locked = lockHolder(home);
  // A command that changes something holds the lock for a moment: no daemon.
  const holder = locked === null || locked.command !== undefined ? null : locked;
  return { holder, state: holder === null ? null : await askDaemon(home) };
}

/** Reads the consumer files; one that config.toml switches off is not enabled. Error: they cannot be listed. */
export function lookAtConsumers(home: string): ConsumerFacts {
  const off = switchedOff(home);
  const { consumers, broken } = loadConsumers(home, { values: secretsWithoutMending(pathsOf(home).secrets) });
  return { consumers: consumers.map((one) => (off.includes(one.name) ? { ...one, enabled: false } : one)), broken };
}

function switchedOff(home: string): string[] {
  const file = readOwnFile(join(home, "config.toml"), { secret: false });
  try {
    return file.kind === "ok" ? parseNodeConfig(file.text).disabled : [];
  } catch {
    return []; // What is wrong with it is a finding of its own.
  }
}

const MOST_BYTES = 1024 * 1024;

/** Which names have a value is all that consumer files need; a file with a wide mode is a finding and not an absent one. */
export function secretsWithoutMending(path: string): SecretValues {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || stats.size > MOST_BYTES) return {};
  try {
    return parseSecrets(readFileSync(path, "utf8")).values;
  } catch {
    return {}; // Then the consumers that name one are broken, and say so.
  }
}
