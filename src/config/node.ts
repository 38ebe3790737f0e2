// config.toml: the settings of this node. Written once, at the first start, with its name and every key explained; after
// that it is the user's file and never written again.
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { availableParallelism, hostname } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { EXIT, messageOf, OffhookError } from "../errors.ts";
import { toLines } from "./finding.ts";
import { check } from "./issues.ts";
import { readOwnFile } from "./own-file.ts";
import { isProblem, parseToml } from "./toml.ts";
import { type NotYet, unknownKeys } from "./unknown.ts";
import { oneOf, whole } from "./values.ts";

/** `workers` bounds the commands of all consumers together. */
export type NodeConfig = { name: string; workers: number; durability: "power" | "full" | "process" };

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const NOT_YET: readonly NotYet[] = ["retention", "max_lag", "cluster", "forward", "disabled"].map((key) => ({ key }));

const nodeTable = v.object({
  name: v.optional(
    v.pipe(v.string("must be a text in quotes"), v.regex(NAME, "must be made of a-z, 0-9 and -, at most 63 of them")),
    () => nameFrom(hostname()),
  ),
  workers: v.optional(whole(1, 1_024), availableParallelism),
  durability: v.optional(oneOf(["power", "full", "process"]), "power"),
});

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

/** The settings in the text of config.toml. Error (78): everything that is wrong with it, a line each. */
export function parseNodeConfig(text: string): NodeConfig {
  const toml = parseToml(text);
  if (isProblem(toml)) throw notWell([`config.toml:${toml.line}: ${toml.text}`]);
  const refused = unknownKeys(toml.table, { "": Object.keys(nodeTable.entries) }, NOT_YET);
  const { output, findings } = check(nodeTable, toml.table, refused);
  const lines = toLines([...refused, ...findings], "config.toml", toml.lineOf);
  if (output === null || lines.length > 0) throw notWell(lines);
  return output;
}

function notWell(lines: readonly string[]): OffhookError {
  return new OffhookError(EXIT.config, lines.join("\n"), "mend config.toml and start again");
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
    throw new OffhookError(
      EXIT.permission,
      `config.toml cannot be written: ${messageOf(error)}`,
      "make the home writable for you",
    );
  }
}
