// What a run of the model test consists of, drawn from the dice: consumers in many combinations of flow, and steps. Steps are
// plain data and name things loosely ("the one at 0.37 of those that run"), so that any of them may be left out.
import type { Silencing } from "../../src/config/project-file.ts";
import type { Action, Consumer } from "../../src/config/schema.ts";
import { consumerWith } from "../fixtures/delivery.ts";
import type { Dice } from "./dice.ts";

export type DrawnEvent = {
  type: string;
  file: string | null;
  session: string;
  depth: number;
  /** Of a hook's event; null: a program's. */
  toolUseId: string | null;
  data: string;
  ageMs: number;
};
export type DrawnEnd = {
  outcome: "ok" | "findings" | "failed" | "killed" | "timeout" | "not-started";
  exitCode: number | null;
  retryAfterMs: number | null;
};

export type Step =
  | { kind: "publish"; events: DrawnEvent[] }
  | { kind: "end"; which: number; end: DrawnEnd }
  | { kind: "end-all"; end: DrawnEnd }
  | { kind: "pass"; ms: number }
  | { kind: "pause" | "resume" | "remove" | "return" | "forget"; consumer: string }
  | { kind: "edit"; consumer: string; change: Partial<Consumer> }
  | { kind: "silence"; project: string; silencing: Silencing | null }
  | { kind: "switch-off"; consumers: string[] }
  | { kind: "delete-files"; files: string[] }
  | { kind: "replay"; consumer: string; fromSeq: number | null; session: string | null; type: string | null }
  | { kind: "retry-dead" | "purge-dead"; from: number; to: number }
  | { kind: "prune"; ageMs: number }
  | { kind: "expire"; consumer: string; ageMs: number | null }
  | { kind: "housekeep"; retentionMs: number; maxLagMs: number; sizeBytes: number }
  | { kind: "crash"; times: number }
  | { kind: "kill"; afterWrites: number }
  | { kind: "restart" };

export type Game = { seed: string; workers: number; consumers: Consumer[]; steps: Step[] };

export const FILES = ["/p/a.py", "/p/b.py", "/p/c.ts", "/q/d.py"];
const TYPES = ["claude-code.PostToolUse", "claude-code.PostToolUse", "tick", "claude-code.Stop"];
const SPANS_MS = [1, 10, 50, 200, 1_000, 2_500, 10_000, 60_000, 300_000];
const AGES_MS = [0, 0, 0, 0, 10, 30, 700, 5_000, 3_600_000];

/** Draws a game of so many steps. `seed` is also that of the order of turns. */
export function drawGame(dice: Dice, seed: string, steps: number): Game {
  const consumers = Array.from({ length: dice.between(1, 4) }, (_, at) => drawConsumer(dice, `c${at}`));
  const names = consumers.map((one) => one.name);
  return {
    seed,
    workers: dice.between(1, 6),
    consumers,
    steps: Array.from({ length: steps }, () => drawStep(dice, names)),
  };
}

function maybe<T>(dice: Dice, share: number, value: () => T, otherwise: T): T {
  return dice.chance(share) ? value() : otherwise;
}

function drawConsumer(dice: Dice, name: string): Consumer {
  const quietMs = dice.pick([20, 1_000, 3_000]);
  const backoffMs = dice.pick([0, 10, 2_000]);
  const types = [
    ["PostToolUse"],
    ["PostToolUse", "tick"],
    ["tick"],
    ["PostToolUse", "offhook.dead-letter"],
    ["offhook.dead-letter"],
  ];
  const files = maybe(dice, 0.2, () => ["*.py"], null);
  return consumerWith(drawAction(dice), {
    name,
    on: dice.pick(types),
    files,
    start: dice.pick(["now", "earliest"]),
    key: dice.pick(["{file}", "{file}", "{file}", "{session}", "{project}", "{type}:{file}"]),
    dedupMs: maybe(dice, 0.3, () => dice.pick([50, 1_000, 5_000]), 0),
    debounce: maybe(dice, 0.3, () => ({ quietMs, maxMs: quietMs * dice.pick([1, 3, 30]) }), null),
    cooldownMs: maybe(dice, 0.3, () => dice.pick([100, 2_000, 2_000, 60_000]), 0),
    order: dice.chance(0.75),
    concurrency: dice.pick([1, 1, 2, 3, 8]),
    rate: maybe(dice, 0.25, () => ({ count: dice.between(1, 4), perMs: dice.pick([1_000, 60_000]) }), null),
    maxAgeMs: maybe(dice, 0.2, () => dice.pick([500, 5_000, 600_000]), 0),
    findings: maybe(dice, 0.3, () => [1], []),
    retry: { max: dice.pick([0, 0, 1, 2, 3]), backoffMs, maxBackoffMs: backoffMs * dice.pick([1, 3, 100]) },
    maxDepth: dice.pick([0, 0, 0, 1, 2]),
    silenceable: dice.chance(0.7),
    enabled: dice.chance(0.97),
  });
}

function drawAction(dice: Dice): Action {
  const webhook = { url: "http://127.0.0.1:9/", method: "POST", headers: {}, preset: null, body: null };
  return dice.pick<Action>([
    { kind: "shell", command: "true" },
    { kind: "shell", command: "true" },
    { kind: "shell", command: "true" },
    { kind: "run", argv: ["check", "--", "{file}"] },
    { kind: "run", argv: ["check", "--", "{files}"] },
    { kind: "webhook", ...webhook },
    { kind: "builtin", builtin: "none" },
    { kind: "builtin", builtin: "log" },
  ]);
}

const WEIGHTS: Record<Step["kind"], number> = {
  publish: 32,
  end: 25,
  "end-all": 10,
  pass: 22,
  pause: 2,
  resume: 3,
  remove: 1,
  return: 2,
  forget: 1,
  edit: 3,
  silence: 3,
  "switch-off": 1,
  "delete-files": 2,
  replay: 4,
  "retry-dead": 5,
  "purge-dead": 1,
  prune: 2,
  expire: 1,
  housekeep: 1,
  crash: 3,
  kill: 4,
  restart: 2,
};
const KINDS = Object.entries(WEIGHTS).flatMap(([kind, weight]) =>
  Array<Step["kind"]>(weight).fill(kind as Step["kind"]),
);

function drawStep(dice: Dice, names: readonly string[]): Step {
  const kind = dice.pick(KINDS);
  const consumer = dice.pick(names);
  switch (kind) {
    case "publish": {
      const count = dice.pick([1, 1, 1, 2, 3, 5, dice.chance(0.1) ? 230 : 8]);
      return { kind, events: Array.from({ length: count }, () => drawEvent(dice)) };
    }
    case "end":
      return { kind, which: dice.real(), end: drawEnd(dice) };
    case "end-all":
      return { kind, end: drawEnd(dice) };
    case "pass":
      return { kind, ms: dice.chance(0.02) ? 3_600_000 : dice.pick(SPANS_MS) };
    case "pause":
    case "resume":
    case "remove":
    case "return":
    case "forget":
      return { kind, consumer };
    case "edit":
      return { kind, consumer, change: drawEdit(dice) };
    case "silence": {
      const disabled = dice.pick([true as const, [consumer], []]);
      const cooldownMs = dice.chance(0.5) ? { [consumer]: dice.pick([1, 5_000]) } : {};
      return { kind, project: dice.pick(["/p", "/q"]), silencing: dice.chance(0.5) ? null : { disabled, cooldownMs } };
    }
    case "switch-off":
      return { kind, consumers: dice.chance(0.6) ? [] : [consumer] };
    case "delete-files":
      return { kind, files: FILES.filter(() => dice.chance(0.2)) };
    case "replay": {
      const fromSeq = dice.chance(0.5) ? dice.between(1, 60) : null;
      const session = dice.chance(0.3) ? "s1" : null;
      return { kind, consumer, fromSeq, session, type: dice.chance(0.3) ? "tick" : null };
    }
    case "retry-dead":
    case "purge-dead": {
      const [from, to] = [dice.real(), dice.real()];
      return { kind, from: Math.min(from, to), to: Math.max(from, to) };
    }
    case "prune":
      return { kind, ageMs: dice.pick([0, ...SPANS_MS]) };
    case "expire":
      return { kind, consumer, ageMs: dice.chance(0.3) ? null : dice.pick([0, ...SPANS_MS]) };
    case "housekeep":
      return { kind, retentionMs: dice.pick(SPANS_MS), maxLagMs: 3_600_000, sizeBytes: dice.pick([1, 1_000_000_000]) };
    case "crash":
      return { kind, times: dice.chance(0.06) ? 11 : 1 };
    case "kill":
      return { kind, afterWrites: dice.below(8) };
    case "restart":
      return { kind };
    default:
      return kind satisfies never;
  }
}

function drawEvent(dice: Dice): DrawnEvent {
  const type = dice.pick(TYPES);
  const isHook = type.startsWith("claude-code.");
  const longName = `/p/${"n".repeat(50_003)}.py`;
  return {
    type,
    file: dice.chance(0.15) ? null : dice.chance(0.01) ? longName : dice.pick(FILES),
    session: dice.pick(["s1", "s1", "s2"]),
    depth: dice.chance(0.12) ? dice.between(1, 2) : 0,
    toolUseId: !isHook ? null : dice.chance(0.1) ? dice.pick(["t1", "t2"]) : `t-${dice.below(1_000_000_000)}`,
    data: `{"n":${dice.below(3)}}`,
    ageMs: dice.pick(AGES_MS),
  };
}

function drawEnd(dice: Dice): DrawnEnd {
  const failed = (exitCode: number): DrawnEnd => ({ outcome: "failed", exitCode, retryAfterMs: null });
  const other = (outcome: "killed" | "timeout" | "not-started"): DrawnEnd => ({
    outcome,
    exitCode: null,
    retryAfterMs: null,
  });
  const ok: DrawnEnd = { outcome: "ok", exitCode: 0, retryAfterMs: null };
  const findings: DrawnEnd = { outcome: "findings", exitCode: 1, retryAfterMs: null };
  const busy: DrawnEnd = { outcome: "failed", exitCode: null, retryAfterMs: dice.pick([500, 30_000]) };
  const bad = [
    failed(1),
    failed(3),
    failed(75),
    failed(100),
    other("killed"),
    other("timeout"),
    other("not-started"),
    busy,
  ];
  return dice.pick([ok, ok, ok, findings, dice.pick(bad), dice.pick(bad), dice.pick(bad)]);
}

function drawEdit(dice: Dice): Partial<Consumer> {
  return dice.pick<Partial<Consumer>>([
    { order: true },
    { order: false },
    { concurrency: dice.pick([1, 3]) },
    { enabled: dice.chance(0.7) },
    { debounce: null },
    { debounce: { quietMs: 1_000, maxMs: 3_000 } },
    { dedupMs: dice.pick([0, 1_000]) },
    { cooldownMs: dice.pick([0, 2_000]) },
    { rate: null },
    { retry: { max: 1, backoffMs: 10, maxBackoffMs: 10 } },
  ]);
}
