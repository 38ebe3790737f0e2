// What workers of all nodes did, in their own words. Each line is one write of less than a page to one file that is open for
// appending, on one machine: so the file is the order in which things happened on all nodes, by no clock. The suite writes lines of
// its own between them: what it did to a node.
//
//   begin CONSUMER DELIVERY ATTEMPT NAME NODE
//   end   CONSUMER DELIVERY ATTEMPT NAME NODE
//   gone  NODE          its daemon was killed, or it was cut off: what it had begun may begin once more elsewhere
//   back  NODE
import { appendFileSync, closeSync, existsSync, fstatSync, openSync, readSync, writeFileSync } from "node:fs";

/** One line of a worker. */
export type Step = {
  kind: "begin" | "end";
  consumer: string;
  deliveryId: string;
  attempt: number;
  name: string;
  node: string;
};
export type Mark = { kind: "gone" | "back"; node: string };
export type Line = Step | Mark;

/** Writes the workers' program, which takes so long; gives its path. The node is the last part of the home's path. */
export function writeProgram(path: string, log: string, takesS: number): string {
  const text = `#!/bin/sh
say() { echo "$1 $OFFHOOK_CONSUMER $OFFHOOK_DELIVERY_ID $OFFHOOK_ATTEMPT $OFFHOOK_SESSION_ID \${HOME##*/}" >> '${log}'; }
say begin
${takesS > 0 ? `sleep ${takesS}` : ":"}
say end
`;
  writeFileSync(path, text, { mode: 0o700 });
  return path;
}

export type ConsumerOptions = {
  scope: "node" | "cluster";
  program: string;
  /** Only of a cluster's. */
  partitions?: number | undefined;
  concurrency?: number;
  /** More lines: dedup. */
  more?: string;
};

/** The text of a consumer file for what the suite publishes: by file, from the first event on, tried again without end. */
export function consumerText({ scope, program, partitions, concurrency = 1, more = "" }: ConsumerOptions): string {
  return `on = ["load.**"]
start = "earliest"
scope = "${scope}"
${partitions === undefined ? "" : `partitions = ${partitions}\n`}run = ${JSON.stringify([program])}
key = "{file}"
concurrency = ${concurrency}
retry = { max = 1000, backoff = "50ms", max_backoff = "400ms" }
${more}`;
}

/** One line of the log as it means. Throws for one that nobody writes. */
export function lineOf(text: string): Line {
  const [kind = "", ...words] = text.split(" ");
  const [consumer = "", deliveryId = "", attempt = "", name = "", node = ""] = words;
  if ((kind === "gone" || kind === "back") && words.length === 1) return { kind, node: consumer };
  if ((kind === "begin" || kind === "end") && words.length === 5 && /^\d+$/.test(attempt))
    return { kind, consumer, deliveryId, attempt: Number(attempt), name, node };
  throw new Error(`no line of the log: ${JSON.stringify(text)}`);
}

export type WorkLog = {
  path: string;
  /** All lines so far. */
  lines(): readonly Line[];
  mark(kind: Mark["kind"], node: string): void;
  /** Runs that have begun and not ended, of a consumer. */
  open(consumer: string): Step[];
  /** Names whose run by this consumer has ended. */
  ended(consumer: string): ReadonlySet<string>;
};

/** Opens the log for reading on and for marks; it need not be there yet. */
export function openWorkLog(path: string): WorkLog {
  const lines: Line[] = [];
  const ends = new Map<string, Set<string>>();
  const opened = new Map<string, Step>();
  let rest = "";
  let at = 0;
  const readOn = () => {
    if (!existsSync(path)) return;
    const fd = openSync(path, "r");
    try {
      const bytes = Buffer.alloc(fstatSync(fd).size - at);
      at += readSync(fd, bytes, 0, bytes.length, at);
      const whole = (rest + bytes.toString()).split("\n");
      rest = whole.pop() ?? "";
      for (const text of whole) note(lineOf(text));
    } finally {
      closeSync(fd);
    }
  };
  const note = (line: Line) => {
    lines.push(line);
    if (line.kind === "begin") opened.set(runOf(line), line);
    if (line.kind !== "end") return;
    opened.delete(runOf(line));
    const names = ends.get(line.consumer) ?? new Set();
    ends.set(line.consumer, names.add(line.name));
  };
  return {
    path,
    lines() {
      readOn();
      return lines;
    },
    mark: (kind, node) => appendFileSync(path, `${kind} ${node}\n`),
    open(consumer) {
      readOn();
      return [...opened.values()].filter((step) => step.consumer === consumer);
    },
    ended(consumer) {
      readOn();
      return ends.get(consumer) ?? new Set();
    },
  };
}

/** What tells one run from all others. */
export function runOf({ consumer, deliveryId, attempt, node }: Step): string {
  return `${consumer} ${deliveryId} ${attempt} ${node}`;
}
