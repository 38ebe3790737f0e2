// A home for the model test through the real binary: consumers as files, workers that look up in a file how they are to end,
// steps by the commands that people use, and what stands in the ledger at the end of each, by the names of events.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Consumer } from "../../src/config/schema.ts";
import { consumerWith } from "../fixtures/delivery.ts";
import { type Life, startConsume } from "./consume.ts";
import type { Dice } from "./dice.ts";
import { openEye } from "./ledger-eye.ts";
import type { Model, ModelGroup } from "./model.ts";
import { type Node, openNode } from "./node.ts";
import { startPublisher } from "./publisher.ts";

export const FILES = ["a", "b", "c"];
export const EXIT_CODES = [0, 0, 0, 0, 1, 3, 75, 100];
/** So long that everything in a game falls into it. */
const WINDOW = { text: "1h", ms: 3_600_000 };

/** A consumer and its file. */
export type FiledConsumer = { consumer: Consumer; toml: string };

/** Draws a consumer whose course depends on no moment. */
export function drawFiledConsumer(dice: Dice, name: string, place: string): FiledConsumer {
  const order = dice.chance(0.7);
  const on = dice.pick([["tick"], ["tock"], ["tick", "tock"]]);
  const key = dice.pick(["{file}", "{file}", "{type}"]);
  const argv = [join(place, "worker"), ...(dice.chance(0.4) ? ["{file}"] : [])];
  const isDeduped = dice.chance(0.3);
  // Without order it would depend on what ends before what begins.
  const cools = order && dice.chance(0.3);
  const findings = dice.chance(0.4) ? [3] : [];
  const max = dice.below(3);
  const concurrency = dice.between(1, 3);
  const maxDepth = dice.below(2);
  const isRated = dice.chance(0.2);
  const toml = `on = ${JSON.stringify(on)}
run = ${JSON.stringify(argv)}
start = "earliest"
key = "${key}"
dedup = "${isDeduped ? WINDOW.text : "0s"}"
cooldown = "${cools ? WINDOW.text : "0s"}"
order = ${order}
concurrency = ${concurrency}
rate = "${isRated ? "50/s" : "0/s"}"
findings = ${JSON.stringify(findings)}
retry = { max = ${max}, backoff = "5ms", max_backoff = "10ms" }
max_depth = ${maxDepth}
`;
  const consumer = consumerWith(
    { kind: "run", argv },
    {
      name,
      on,
      start: "earliest",
      key,
      dedupMs: isDeduped ? WINDOW.ms : 0,
      cooldownMs: cools ? WINDOW.ms : 0,
      order,
      concurrency,
      findings,
      retry: { max, backoffMs: 5, maxBackoffMs: 10 },
      maxDepth,
    },
  );
  return { consumer, toml };
}

/** What a game of the model test reads and writes of a home. */
export type ModelHome = {
  node: Node;
  fileOf(letter: string): string;
  /** How the workers of a consumer end that are about a file. */
  setVerdict(consumer: string, letter: string, exitCode: number): void;
  setFile(letter: string, isThere: boolean): void;
  setConsumer(filed: FiledConsumer, isThere: boolean): void;
  publish(event: { name: string; type: string; letter: string; depth: number }): Promise<void>;
  start(): Promise<void>;
  stop(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** The names of events that the ledger has. */
  names(): Set<string>;
  /** The ledger by names of events, sorted as the model's is. */
  seen(): string[];
};

/** Makes the home in a new directory; no daemon runs in it yet. */
export function openModelHome(
  place: string,
  binary: string,
  undo: (step: () => void | Promise<void>) => void,
): ModelHome {
  const home = join(place, "home");
  mkdirSync(join(place, "files"), { recursive: true });
  mkdirSync(join(place, "verdicts"));
  const node = openNode(home, binary, undo);
  const worker = `#!/bin/sh
read -r code 2>/dev/null < '${place}/verdicts/'"$OFFHOOK_CONSUMER.\${OFFHOOK_FILE##*/}" || code=0
sleep 0.02
exit "$code"
`;
  writeFileSync(join(place, "worker"), worker, { mode: 0o700 });
  const fileOf = (letter: string) => join(place, "files", letter);
  const toggle = (path: string, isThere: boolean, text: string) => {
    if (isThere) writeFileSync(path, text, { mode: 0o600 });
    else rmSync(path, { force: true });
  };
  let life: Life | null = null;

  return {
    node,
    fileOf,
    setVerdict: (consumer, letter, exitCode) =>
      writeFileSync(join(place, "verdicts", `${consumer}.${letter}`), `${exitCode}\n`),
    setFile: (letter, isThere) => toggle(fileOf(letter), isThere, ""),
    setConsumer: ({ consumer, toml }, isThere) =>
      toggle(join(home, "consumers", `${consumer.name}.toml`), isThere, toml),
    async publish({ name, type, letter, depth }) {
      const words = ["publish", "--type", type, "--subject", fileOf(letter)];
      const command = ["/usr/bin/env", `OFFHOOK_DEPTH=${depth}`, binary, ...words];
      const { exitCode, stderr } = await startPublisher({ command, home, name, body: Buffer.from("{}") }).ended;
      if (exitCode !== 0) throw new Error(`publish of ${name} ended with ${exitCode}: ${stderr}`);
    },
    async start() {
      const started = startConsume(binary, home);
      life = started;
      undo(async () => {
        started.signal("SIGKILL");
        await started.ended;
      });
      if (!(await started.isReady())) throw new Error(`the daemon ended: ${started.end()} ${started.output()}`);
    },
    async stop(signal) {
      life?.signal(signal);
      await life?.ended;
    },
    names() {
      const eye = openEye(join(home, "ledger.db"));
      const names = new Set(eye.names().values());
      eye.close();
      return names;
    },
    seen: () => readHome(join(home, "ledger.db")),
  };
}

type Line = { consumer: string; key: string; names: string; state: string; counted: number; replay: boolean };

function deliveryLine({ consumer, key, names, state, counted, replay }: Line): string {
  return `${consumer}: ${names} (${key}) ${state}, counted ${counted}${replay ? ", replay" : ""}`;
}

function groupLine(
  consumer: string,
  group: Pick<ModelGroup, "ok" | "findings" | "failed" | "skipped" | "paused">,
  undecided: unknown,
): string {
  const { ok, findings, failed, skipped, paused } = group;
  return `${consumer}: ok ${ok}, findings ${findings}, failed ${failed}, skipped ${skipped}, paused ${paused}, undecided ${undecided}`;
}

/** What the model says of the ledger, in the same lines. */
export function expectedLines(model: Model): string[] {
  const nameOf = (seq: number) => model.events.get(seq)?.session ?? `${seq}`;
  const events = [...model.events.values()];
  const groups = [...model.groups.values()].toSorted((a, b) => (a.consumer.name < b.consumer.name ? -1 : 1));
  return [
    `events ${events.map((event) => event.session)}`,
    ...groups.flatMap((group) => {
      const consumer = group.consumer.name;
      const undecided = events.filter((event) => event.seq > group.cursor).map((event) => event.session);
      const deliveries = group.deliveries.toSorted((a, b) => a.place - b.place);
      return [
        groupLine(consumer, group, undecided),
        ...deliveries.map((one) => deliveryLine({ ...one, consumer, names: one.seqs.map(nameOf).join() })),
        ...Array.from(
          group.skips,
          ([seq, skip]) => `${consumer}: ${nameOf(seq)} (${skip.key}) skipped: ${skip.reason}`,
        ).sort(),
      ];
    }),
  ];
}

function readHome(path: string): string[] {
  const eye = openEye(path);
  try {
    const names = eye.names();
    const named = (seq: number) => names.get(seq) ?? `${seq}`;
    const rows = eye.deliveriesAfter(0);
    const skips = eye.skips();
    return [
      `events ${[...names.values()]}`,
      ...eye.groups().flatMap((group) => {
        const { consumer, cursor } = group;
        const undecided = [...names].filter(([seq]) => seq > cursor).map(([, name]) => name);
        const mine = <R extends { consumer: string }>(list: readonly R[]) =>
          list.filter((row) => row.consumer === consumer);
        return [
          groupLine(consumer, group, undecided),
          ...mine(rows).map((row) => deliveryLine({ ...row, names: row.seqs.map(named).join() })),
          ...mine(skips)
            .map((row) => `${consumer}: ${named(row.seq)} (${row.key}) skipped: ${row.reason}`)
            .sort(),
        ];
      }),
    ];
  } finally {
    eye.close();
  }
}
