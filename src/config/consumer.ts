// One consumer file's text to a Consumer, or to everything that is wrong with it. Pure: reads no file.
//
// 1. TOML to a table. 2. Keys that may not be there. 3. Each value by the schema. 4. What needs the whole file: exactly one
// action, a command of the project only with projects, secrets that exist. All problems are collected, then put in order.
import { expandHome, isRelativePath } from "./argv.ts";
import { type Finding, toLines } from "./finding.ts";
import { check } from "./issues.ts";
import {
  type Action,
  CONSUMER_KEYS,
  type Consumer,
  type ConsumerTable,
  consumerTable,
  DEFAULT_KEY,
  isSilenceable,
  NOT_YET,
} from "./schema.ts";
import type { SecretValues } from "./secret-text.ts";
import { secretFindings, secretsOf } from "./secret-use.ts";
import { isProblem, parseToml, type TomlTable } from "./toml.ts";
import { unknownKeys } from "./unknown.ts";

/**
 * What a file is read with. `label` is its name in messages, for instance "consumers/lint.toml". `isClustered` false: the node has no
 * [cluster], so nothing can be of scope cluster; true where that is not known.
 */
export type Reading = {
  name: string;
  path: string;
  label: string;
  userHome: string;
  secrets: SecretValues;
  isClustered?: boolean;
};

export type Loaded = { kind: "ok"; consumer: Consumer } | { kind: "broken"; errors: string[] };

const ACTIONS = ["run", "shell", "webhook", "builtin"] as const;

/** Reads the text of a consumer file. Each error is one line: file, line, what is wrong and what to write. */
export function parseConsumer(text: string, reading: Reading): Loaded {
  const toml = parseToml(text);
  if (isProblem(toml)) return { kind: "broken", errors: [`${reading.label}:${toml.line}: ${toml.text}`] };
  const { table, lineOf } = toml;
  const refused = unknownKeys(table, CONSUMER_KEYS, NOT_YET);
  const checked = check(consumerTable, table, refused);
  const findings = [
    ...refused,
    ...checked.findings,
    ...actionFindings(table),
    ...secretFindings(table, reading.secrets),
    ...scopeFindings(table, reading.isClustered ?? true),
  ];
  if (checked.output === null || findings.length > 0) {
    return { kind: "broken", errors: toLines(findings, reading.label, lineOf) };
  }
  return { kind: "ok", consumer: consumerOf(checked.output, table, text, reading) };
}

function actionFindings(table: TomlTable): Finding[] {
  const present = ACTIONS.filter((action) => Object.hasOwn(table, action));
  const [first, second] = present;
  if (first === undefined) return [{ path: [], text: `nothing to do: write one of ${ACTIONS.join(", ")}` }];
  if (second !== undefined) return [{ path: [second], text: `${present.join(" and ")} exclude each other; keep one` }];
  const command: unknown = Array.isArray(table.run) ? table.run[0] : null;
  if (typeof command !== "string" || !isRelativePath(command) || Object.hasOwn(table, "projects")) return [];
  const reason = "would run what any repository brings along";
  return [
    {
      path: ["run"],
      text: `run = ${JSON.stringify(command)} ${reason}; name the projects that you trust with projects = ["~/..."]`,
    },
  ];
}

function scopeFindings({ scope, silenceable, ...table }: TomlTable, isClustered: boolean): Finding[] {
  if (scope !== "cluster") {
    const isNode = scope === undefined || scope === "node";
    if (!isNode || !Object.hasOwn(table, "partitions")) return [];
    return [{ path: ["partitions"], text: 'partitions goes with scope = "cluster"; leave it out, or write that too' }];
  }
  const findings: Finding[] = [];
  if (silenceable === true)
    findings.push({
      path: ["silenceable"],
      text: 'silenceable = true is refused with scope = "cluster": no file of a project reaches the other nodes; leave it out',
    });
  if (!isClustered)
    findings.push({
      path: ["scope"],
      text: 'scope = "cluster" needs [cluster] in config.toml of this node; offhook setup --cluster writes it',
    });
  return findings;
}

function consumerOf(table: ConsumerTable, raw: TomlTable, text: string, reading: Reading): Consumer {
  const { name, path, userHome } = reading;
  const action = actionOf(table, userHome);
  return {
    name,
    path,
    hash: new Bun.CryptoHasher("sha256").update(text).digest("hex"),
    on: table.on,
    tools: table.tools,
    files: table.files,
    projects: table.projects === null ? null : expandHome(table.projects, userHome),
    agent: table.agent,
    where: table.where,
    start: table.start,
    action,
    key: table.key ?? DEFAULT_KEY[table.scope],
    dedupMs: table.dedup,
    debounce: table.debounce,
    cooldownMs: table.cooldown,
    order: table.order,
    concurrency: table.concurrency,
    rate: table.rate,
    maxAgeMs: table.max_age,
    timeoutMs: table.timeout,
    findings: table.findings,
    retry: { max: table.retry.max, backoffMs: table.retry.backoff, maxBackoffMs: table.retry.max_backoff },
    maxDepth: table.max_depth,
    scope: table.scope,
    partitions: table.partitions ?? 1,
    silenceable: table.silenceable ?? isSilenceable(action, table.scope),
    enabled: table.enabled,
    secrets: secretsOf(raw, reading.secrets),
  };
}

function actionOf(table: ConsumerTable, userHome: string): Action {
  if (table.run !== null) return { kind: "run", argv: expandHome(table.run, userHome) };
  if (table.shell !== null) return { kind: "shell", command: table.shell };
  if (table.webhook !== null) return { kind: "webhook", ...table.webhook };
  if (table.builtin !== null) return { kind: "builtin", builtin: table.builtin };
  throw new Error("a consumer without an action was let through");
}
