// config.toml: the settings of this node. Written once, at the first start, with its name and every key explained; after
// that it is the user's file and never written again.
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { availableParallelism, hostname } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { EXIT, messageOf, OffhookError } from "../errors.ts";
import { CLUSTER_KEYS, type ClusterConfig, clusterTable, redactPattern } from "./cluster.ts";
import { formatDuration } from "./duration.ts";
import { toLines } from "./finding.ts";
import { check } from "./issues.ts";
import { readOwnFile } from "./own-file.ts";
import { isProblem, parseToml } from "./toml.ts";
import { unknownKeys } from "./unknown.ts";
import { age, consumerName, oneOf, size, tableOf, whole } from "./values.ts";

/** How long, and how much of it, something is kept. */
export type Bounds = { ageMs: number; sizeBytes: number };

/**
 * `workers` bounds the commands of all consumers together. `disabled`: consumers by name. `retention`: what the ledger keeps of
 * that nobody waits for. `maxLag`: what a group may hold back beyond that; its age is never below retention's. `redact`: regular
 * expressions as text. `cluster` null: this node is alone.
 */
export type NodeConfig = {
  name: string;
  workers: number;
  durability: "power" | "full" | "process";
  disabled: string[];
  retention: Bounds;
  maxLag: Bounds;
  redact: string[];
  cluster: ClusterConfig | null;
};

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

const DAY_MS = 86_400_000;
const RETENTION: Bounds = { ageMs: 7 * DAY_MS, sizeBytes: 2 ** 30 };
const MAX_LAG: Bounds = { ageMs: 30 * DAY_MS, sizeBytes: 2 ** 30 };

const boundsEntries = { age: v.optional(v.nullable(age), null), size: v.optional(v.nullable(size), null) };
const boundsTable = (example: string) =>
  v.optional(tableOf(boundsEntries, `must be a table, for instance { age = "${example}", size = "1GiB" }`), {});

const nodeTable = v.object({
  name: v.optional(
    v.pipe(v.string("must be a text in quotes"), v.regex(NAME, "must be made of a-z, 0-9 and -, at most 63 of them")),
    () => nameFrom(hostname()),
  ),
  workers: v.optional(whole(1, 1_024), availableParallelism),
  durability: v.optional(oneOf(["power", "full", "process"]), "power"),
  disabled: v.optional(v.array(consumerName, 'must be a list of consumers, for instance ["lint"]'), []),
  retention: boundsTable("7d"),
  max_lag: boundsTable("30d"),
  redact: v.optional(v.array(redactPattern, 'must be a list of patterns, for instance ["CUST-[0-9]{8}"]'), []),
  cluster: v.optional(v.nullable(clusterTable), null),
});

const settings = v.pipe(
  nodeTable,
  v.forward(
    v.partialCheck(
      [["retention"], ["max_lag"]],
      ({ retention, max_lag }) => max_lag.age === null || max_lag.age >= (retention.age ?? RETENTION.ageMs),
      ({ input: { retention, max_lag } }) =>
        `must have an age (${formatDuration(max_lag.age ?? 0)}) of at least that of retention (${formatDuration(retention.age ?? RETENTION.ageMs)})`,
    ),
    ["max_lag"],
  ),
  v.transform(({ retention, max_lag, ...same }): NodeConfig => {
    const kept = boundsOf(retention, RETENTION);
    // What is not said follows retention: who keeps more for himself has not asked for less patience with a group.
    const lag = boundsOf(max_lag, {
      ageMs: Math.max(MAX_LAG.ageMs, kept.ageMs),
      sizeBytes: Math.max(MAX_LAG.sizeBytes, kept.sizeBytes),
    });
    return { ...same, retention: kept, maxLag: lag };
  }),
);

const KEYS = {
  "": Object.keys(nodeTable.entries),
  retention: Object.keys(boundsEntries),
  max_lag: Object.keys(boundsEntries),
  cluster: CLUSTER_KEYS,
};

function boundsOf(table: { age: number | null; size: number | null }, otherwise: Bounds): Bounds {
  return { ageMs: table.age ?? otherwise.ageMs, sizeBytes: table.size ?? otherwise.sizeBytes };
}

/** The settings of a home that exists; makes config.toml where there is none. Error: it is not well (78), nothing is guessed. */
export function ensureNodeConfig(home: string): NodeConfig {
  const path = join(home, "config.toml");
  const before = readOwnFile(path, { secret: false });
  if (before.kind === "absent") writeFirst(path, firstConfig(nameFrom(hostname())));
  const file = before.kind === "absent" ? readOwnFile(path, { secret: false }) : before;
  if (file.kind === "ok") return parseNodeConfig(file.text);
  throw new OffhookError(
    EXIT.config,
    `config.toml: ${file.kind === "absent" ? "it went away while it was looked at" : file.why}`,
  );
}

/**
 * The name of this node for those who only look: of config.toml where it says one, else what a first start would write.
 * `error`: what is wrong with config.toml, so that looking goes on; null where it is well or not there yet.
 */
export function nodeNameOf(home: string | null): { name: string; error: string | null } {
  const otherwise = nameFrom(hostname());
  const file = home === null ? null : readOwnFile(join(home, "config.toml"), { secret: false });
  if (file === null || file.kind === "absent") return { name: otherwise, error: null };
  if (file.kind === "refused") return { name: otherwise, error: `config.toml: ${file.why}` };
  try {
    return { name: parseNodeConfig(file.text).name, error: null };
  } catch (error) {
    if (error instanceof OffhookError) return { name: otherwise, error: error.message };
    throw error;
  }
}

/** The settings of a home for those who only look; null: no config.toml yet. Error: it is not well (78). */
export function readNodeConfig(home: string): NodeConfig | null {
  const file = readOwnFile(join(home, "config.toml"), { secret: false });
  if (file.kind === "refused") throw new OffhookError(EXIT.config, `config.toml: ${file.why}`);
  return file.kind === "absent" ? null : parseNodeConfig(file.text);
}

/** Whether config.toml has a [cluster]; true where it cannot be told, so that one trouble is said once. */
export function isClusteredHome(home: string): boolean {
  try {
    return (readNodeConfig(home)?.cluster ?? null) !== null;
  } catch (error) {
    if (error instanceof OffhookError) return true;
    throw error;
  }
}

/** The settings in the text of config.toml. Error (78): everything that is wrong with it, a line each. */
export function parseNodeConfig(text: string): NodeConfig {
  const toml = parseToml(text);
  if (isProblem(toml)) throw notWell([`config.toml:${toml.line}: ${toml.text}`]);
  const refused = unknownKeys(toml.table, KEYS, []);
  const { output, findings } = check(settings, toml.table, refused);
  const lines = toLines([...refused, ...findings], "config.toml", toml.lineOf);
  if (output === null || lines.length > 0) throw notWell(lines);
  return output;
}

function notWell(lines: readonly string[]): OffhookError {
  return new OffhookError(EXIT.config, lines.join("\n"), "mend config.toml and start again");
}

/** The changed settings for a daemon that runs; what only a start can change stays as it is, and is said. */
export function followSettings(before: NodeConfig, changed: NodeConfig, log: (line: string) => void): NodeConfig {
  const { name, workers, durability, redact, cluster } = before;
  const fixed = { name, workers, durability, redact, cluster };
  for (const key of ["name", "workers", "durability", "redact", "cluster"] as const)
    if (!Bun.deepEquals(changed[key], fixed[key]))
      log(`config.toml: the changed ${key === "cluster" ? "[cluster]" : key} takes effect at the next start`);
  return { ...changed, ...fixed };
}

/** A node's name from a host's: its first label, lower case, other characters become dashes. */
export function nameFrom(host: string): string {
  const label = (host.split(".")[0] ?? "").toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return label.slice(0, 63).replace(/^-+|-+$/g, "") || "node";
}

/** The config.toml of a first start. */
export function firstConfig(name: string): string {
  return `# Settings of this offhook node.

# Its name, in the source of every event. Written at the first start, so that it stays when the host's name changes.
name = ${JSON.stringify(name)}

# How many commands run at once, all consumers together. Default: the cores of this machine.
# workers = 4

# What a stored event survives: "power" a power cut, "full" a power cut on macOS too (slower), "process" a crash of offhook only.
# durability = "power"

# Consumers of this machine that are left alone, by name: what they want is skipped. For a while: offhook pause NAME.
# disabled = ["lint"]

# What the ledger keeps of events and of what was done about them: at most so old, and at most so much. What a consumer has not
# got through yet stays beyond that.
# retention = { age = "7d", size = "1GiB" }

# What a consumer that gets no further (paused, broken, slow) may hold back. Beyond that its oldest events are skipped, with the
# reason "expired". The age is at least that of retention.
# max_lag = { age = "30d", size = "1GiB" }

# What must not leave this machine (to webhooks, to a cluster), beyond the secrets that offhook knows: regular expressions.
# redact = ["CUST-[0-9]{8}"]

# Several machines that share events through a Redis: docs/cluster.md has all keys, and "offhook setup --cluster" writes and checks
# this. What follows the line [cluster] belongs to it, so it stands last.
# [cluster]
# url = "rediss://redis.example:6379"
# user = "offhook"
# password = "\${REDIS_PASSWORD}"
`;
}

/** Whole or not at all: a start that was cut off leaves no half a file for the next one. */
function writeFirst(path: string, text: string): void {
  const draft = `${path}.new`;
  try {
    const fd = openSync(draft, "w", 0o600);
    try {
      writeSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, path);
  } catch (error) {
    const told = new OffhookError(
      EXIT.permission,
      `config.toml cannot be written: ${messageOf(error)}`,
      "make the home writable for you",
    );
    // Who knows what to do about a full disk finds it there.
    told.cause = error;
    throw told;
  }
}
