// A consumer file: its keys, their defaults and what becomes of them. The only place that knows defaults.
// It judges one value at a time; what needs the whole file (exactly one action, secrets) is in consumer.ts.
import * as v from "valibot";
import { argv } from "./argv.ts";
import { formatDuration } from "./duration.ts";
import { keyProblem, shellProblem } from "./placeholders.ts";
import type { Rate } from "./rate.ts";
import {
  duration,
  fileGlob,
  findingsCode,
  flag,
  LONGEST_MS,
  listOf,
  oneOf,
  predicate,
  projectGlob,
  rate,
  tableOf,
  text,
  toolGlob,
  typeGlob,
  whole,
} from "./values.ts";
import { webhookTable } from "./webhook-table.ts";
import { where } from "./where.ts";

/** What a consumer does with a delivery. Texts still hold their placeholders and `${NAME}`s. */
export type Action =
  | { kind: "run"; argv: string[] }
  | { kind: "shell"; command: string }
  | Webhook
  | { kind: "builtin"; builtin: "log" | "notify" | "none" };

/** One request. `body`: text is sent as text/plain, anything else as JSON; null: the preset's, or the CloudEvent. */
export type Webhook = {
  kind: "webhook";
  url: string;
  method: string;
  headers: Record<string, string>;
  preset: "slack" | "discord" | "ntfy" | "n8n" | null;
  body: unknown | null;
};

/** One consumer, as its file says and the defaults fill in. Null lists: any. `timeoutMs` 0: no timeout. */
export type Consumer = {
  name: string;
  /** The absolute path of its file. */
  path: string;
  /** Of the file's content: a changed file has another. */
  hash: string;
  on: string[];
  tools: string[] | null;
  files: string[] | null;
  /** Absolute, `~` expanded; globs are left as they are. */
  projects: string[] | null;
  agent: "main" | "subagent" | "any";
  /** Dotted path in the CloudEvent = glob. */
  where: Record<string, string>;
  start: "now" | "earliest";
  action: Action;
  key: string;
  /** An event is a duplicate when the last accepted one of its key is less than this older. 0: off. */
  dedupMs: number;
  /** One delivery with all events of a key: after `quietMs` without one, at the latest after `maxMs`. Null: off. */
  debounce: { quietMs: number; maxMs: number } | null;
  /** After a delivery of a key ended well, the key is left alone for so long. 0: off. */
  cooldownMs: number;
  order: boolean;
  concurrency: number;
  /** At most so many attempts begin within any `perMs`. Null: off. */
  rate: Rate | null;
  /** Older events are skipped. 0: off. */
  maxAgeMs: number;
  timeoutMs: number;
  findings: number[];
  retry: { max: number; backoffMs: number; maxBackoffMs: number };
  maxDepth: number;
  /** node: each node has its own. cluster: one for all nodes, whose keys are shared out over `partitions`. */
  scope: "node" | "cluster";
  partitions: number;
  /** Whether a project's .offhook.toml may silence it. */
  silenceable: boolean;
  enabled: boolean;
  /** The secrets of secrets.env that this file names, and no others. */
  secrets: Record<string, string>;
};

/** Keys that are decided but not built, as key or as key = value; a file that uses one is refused. */
export const NOT_YET: readonly { key: string; value?: string }[] = [{ key: "builtin", value: "report" }];

const retryEntries = {
  max: v.optional(whole(0, 1_000), 3),
  backoff: v.optional(duration, "2s"),
  max_backoff: v.optional(duration, "5m"),
};
const retryTable = v.pipe(
  tableOf(retryEntries, 'must be a table, for instance { max = 3, backoff = "2s", max_backoff = "5m" }'),
  v.check(
    (retry) => retry.max_backoff >= retry.backoff,
    ({ input }) =>
      `must have a max_backoff (${formatDuration(input.max_backoff)}) of at least backoff (${formatDuration(input.backoff)})`,
  ),
);

const debounceEntries = { quiet: duration, max: v.optional(v.nullable(duration), null) };
const debounceTable = tableOf(
  debounceEntries,
  'must be a text or a table, for instance "1s" or { quiet = "1s", max = "30s" }',
);

const quietAlone = v.pipe(
  duration,
  v.transform((quiet) => ({ quiet, max: null })),
);

// Without a max, so many times its quiet.
const QUIETS_TO_MAX = 30;

/** `debounce`, as text or as a table; null is off. */
const debounce = v.pipe(
  v.lazy((input): v.GenericSchema<unknown, { quiet: number; max: number | null }> => {
    return typeof input === "string" ? quietAlone : debounceTable;
  }),
  v.transform(({ quiet, max }) => ({ quietMs: quiet, maxMs: max ?? Math.min(QUIETS_TO_MAX * quiet, LONGEST_MS) })),
  v.check(
    ({ quietMs, maxMs }) => maxMs >= quietMs,
    ({ input }) =>
      `must have a max (${formatDuration(input.maxMs)}) of at least quiet (${formatDuration(input.quietMs)})`,
  ),
  v.transform((wait) => (wait.quietMs === 0 ? null : wait)),
);

/** The key of a file that names none. The same path on two nodes is two files. */
export const DEFAULT_KEY = { node: "{file}", cluster: "{node}:{file}" } as const;

/**
 * Whether a project may silence a consumer that does not say so: checks may be, what informs people may not; a consumer of the
 * cluster may run on a node that does not have the project.
 */
export function isSilenceable(action: Action, scope: "node" | "cluster"): boolean {
  if (scope === "cluster") return false;
  switch (action.kind) {
    case "run":
    case "shell":
      return true;
    case "webhook":
      return false;
    case "builtin":
      return action.builtin === "none";
    default:
      return action satisfies never;
  }
}

/** The table of a consumer file. What it does not know is refused before (unknown.ts); an absent action is null. */
export const consumerTable = v.object({
  on: listOf(typeGlob, '["PostToolUse"]'),
  tools: v.optional(v.nullable(listOf(toolGlob, '["Write", "Edit"]')), null),
  files: v.optional(v.nullable(listOf(fileGlob, '["**/*.py"]')), null),
  projects: v.optional(v.nullable(listOf(projectGlob, '["~/code/shop"]')), null),
  agent: v.optional(oneOf(["main", "subagent", "any"]), "any"),
  where: v.optional(where, {}),
  start: v.optional(oneOf(["now", "earliest"]), "now"),
  run: v.optional(v.nullable(argv), null),
  shell: v.optional(v.nullable(v.pipe(text, predicate(shellProblem))), null),
  webhook: v.optional(v.nullable(webhookTable), null),
  builtin: v.optional(v.nullable(oneOf(["log", "notify", "none"])), null),
  key: v.optional(v.nullable(v.pipe(text, predicate(keyProblem))), null),
  dedup: v.optional(duration, "0s"),
  debounce: v.optional(debounce, "0s"),
  cooldown: v.optional(duration, "0s"),
  order: v.optional(flag, true),
  concurrency: v.optional(whole(1, 64), 1),
  rate: v.optional(rate, "0/s"),
  max_age: v.optional(duration, "0s"),
  timeout: v.optional(duration, "60s"),
  findings: v.optional(v.array(findingsCode, "must be a list of exit codes, for instance [1]"), []),
  retry: v.optional(retryTable, {}),
  scope: v.optional(oneOf(["node", "cluster"]), "node"),
  partitions: v.optional(v.nullable(whole(1, 64)), null),
  max_depth: v.optional(whole(0, 100), 0),
  silenceable: v.optional(v.nullable(flag), null),
  enabled: v.optional(flag, true),
});

export type ConsumerTable = v.InferOutput<typeof consumerTable>;

/** Every key that may stand in a consumer file, by the table it stands in ("" is the top). */
export const CONSUMER_KEYS: Readonly<Record<string, readonly string[]>> = {
  "": Object.keys(consumerTable.entries),
  debounce: Object.keys(debounceEntries),
  retry: Object.keys(retryEntries),
  webhook: Object.keys(webhookTable.entries),
};
