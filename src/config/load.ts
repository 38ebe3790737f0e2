// The consumers of a home: consumers/NAME.toml, each read by itself, so that a broken file is nobody else's trouble.
import { type Dirent, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { EXIT, messageOf, OffhookError } from "../errors.ts";
import { type Loaded, parseConsumer } from "./consumer.ts";
import { isClusteredHome } from "./node.ts";
import { directoryRefusal, readOwnFile } from "./own-file.ts";
import type { Consumer } from "./schema.ts";
import type { Secrets } from "./secrets.ts";
import { isConsumerName, LONGEST_CONSUMER_NAME } from "./values.ts";

/**
 * A file that cannot be used: everything that is wrong with it, a line each. `isName`: its name could be a consumer's. `isUnread`:
 * the system did not let us look, which may be over in a moment.
 */
export type BrokenConsumer = { name: string; path: string; errors: string[]; isName: boolean; isUnread: boolean };

/**
 * Reads all consumer files, in the order of their names; no directory means none. Files that end in anything but .toml, and
 * hidden ones, are not looked at: editors put theirs beside. `isClustered`: whether this node has a [cluster], by default what
 * config.toml says now; a daemon that runs says what it began with. Error: the directory cannot be listed (77).
 */
export function loadConsumers(
  home: string,
  secrets: Pick<Secrets, "values">,
  { isClustered = isClusteredHome(home) }: { isClustered?: boolean } = {},
): { consumers: Consumer[]; broken: BrokenConsumer[] } {
  const consumers: Consumer[] = [];
  const broken: BrokenConsumer[] = [];
  const directory = join(home, "consumers");
  const files = filesIn(directory);
  const refusal = files.length > 0 ? directoryRefusal(directory) : null;
  for (const file of files) {
    const name = basename(file, ".toml");
    const path = join(directory, file);
    const loaded = refusal === null ? loadOne(name, path, secrets, isClustered) : brokenBy(refusal);
    if (loaded.kind === "ok") consumers.push(loaded.consumer);
    else {
      const { errors, isUnread = false } = loaded;
      broken.push({ name, path, errors, isName: isConsumerName(name), isUnread });
    }
  }
  return { consumers, broken };
}

/** The names of the consumers that have a file, well or broken, in order. Same error. */
export function consumerNames(home: string): string[] {
  return filesIn(join(home, "consumers"))
    .map((file) => basename(file, ".toml"))
    .filter(isConsumerName);
}

type LoadedOne = Loaded & { isUnread?: boolean };

const brokenBy = (error: string, isUnread = false): LoadedOne => ({ kind: "broken", errors: [error], isUnread });

function loadOne(name: string, path: string, secrets: Pick<Secrets, "values">, isClustered: boolean): LoadedOne {
  const label = `consumers/${JSON.stringify(`${name}.toml`).slice(1, -1)}`;
  const broken = (why: string, isUnread?: boolean) => brokenBy(`${label}: ${why}`, isUnread);
  if (!isConsumerName(name)) {
    const better = name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-+|-+$/g, "")
      .slice(0, LONGEST_CONSUMER_NAME);
    const advice = better === "" ? "" : `; rename it to ${better}.toml`;
    return broken(`a consumer's name is made of a-z, 0-9 and -, at most ${LONGEST_CONSUMER_NAME} of them${advice}`);
  }
  const file = readOwnFile(path, { secret: false });
  if (file.kind === "absent") return broken("it went away while it was looked at");
  if (file.kind === "refused") return broken(file.why, file.isUnread);
  return parseConsumer(file.text, { name, path, label, userHome: homedir(), secrets: secrets.values, isClustered });
}

function filesIn(directory: string): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new OffhookError(
      EXIT.permission,
      `the consumers cannot be listed: ${messageOf(error)}`,
      `make ${directory} a directory of yours: chmod 700`,
    );
  }
  return entries
    .map((entry) => entry.name)
    .filter((name) => name.endsWith(".toml") && !name.startsWith("."))
    .sort();
}
