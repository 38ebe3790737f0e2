// A consumer file: its keys, their defaults and what becomes of them. The only place that knows defaults.
// It judges one value at a time; what needs the whole file (exactly one action, secrets) is in consumer.ts.
import * as v from "valibot";
import { argv } from "./argv.ts";
import { formatDuration } from "./duration.ts";
import { keyProblem, shellProblem } from "./placeholders.ts";
import {
  duration,
  fileGlob,
  findingsCode,
  flag,
  listOf,
  oneOf,
  predicate,
  projectGlob,
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
  order: boolean;
  concurrency: number;
  timeoutMs: number;
  findings: number[];
  retry: { max: number; backoffMs: number; maxBackoffMs: number };
  maxDepth: number;
  enabled: boolean;
  /** The secrets of secrets.env that this file names, and no others. */
  secrets: Record<string, string>;
};

/** Keys that are decided but not built, as key or as key = value; a file that uses one is refused. */
export const NOT_YET: readonly { key: string; value?: string }[] = [
  { key: "dedup" },
  { key: "debounce" },
  { key: "cooldown" },
  { key: "rate" },
  { key: "max_age" },
  { key: "silenceable" },
  { key: "partitions" },
  { key: "scope", value: "cluster" },
  { key: "builtin", value: "report" },
];

const retryTable = v.pipe(
  v.object(
    {
      max: v.optional(whole(0, 1_000), 3),
      backoff: v.optional(duration, "2s"),
      max_backoff: v.optional(duration, "5m"),
    },
    'must be a table, for instance { max = 3, backoff = "2s", max_backoff = "5m" }',
  ),
  v.check(
    (retry) => retry.max_backoff >= retry.backoff,
    ({ input }) =>
      `must have a max_backoff (${formatDuration(input.max_backoff)}) of at least backoff (${formatDuration(input.backoff)})`,
  ),
);

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
  key: v.optional(v.pipe(text, predicate(keyProblem)), "{file}"),
  order: v.optional(flag, true),
  concurrency: v.optional(whole(1, 64), 1),
  timeout: v.optional(duration, "60s"),
  findings: v.optional(v.array(findingsCode, "must be a list of exit codes, for instance [1]"), []),
  retry: v.optional(retryTable, {}),
  scope: v.optional(oneOf(["node"]), "node"),
  max_depth: v.optional(whole(0, 100), 0),
  enabled: v.optional(flag, true),
});

export type ConsumerTable = v.InferOutput<typeof consumerTable>;

/** Every key that may stand in a consumer file, by the table it stands in ("" is the top). */
export const CONSUMER_KEYS: Readonly<Record<string, readonly string[]>> = {
  "": Object.keys(consumerTable.entries),
  retry: Object.keys(retryTable.entries),
  webhook: Object.keys(webhookTable.entries),
};
