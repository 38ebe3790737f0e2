// Workers of a torture run, and what they say of themselves. Each line of theirs is one write of less than a page to one file that
// is open for appending (POSIX write(2), O_APPEND): so the file is the order in which things happened, by no clock.
//
//   begin CONSUMER DELIVERY ATTEMPT EVENT-ID NAME
//   beat  ... ROLE                                 again and again, by those that hang, and by what they started
//   end   ... EXIT-CODE                            the last that a worker does before it exits
//
// What a worker does is in its event's name, which is chosen before it is published: NUMBER.KIND.
import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** ok and slow go well. fail-N fails in its first N attempts, dead asks for a dead letter, hang and deaf hang in their first attempt;
 *  deaf ignores TERM. */
export const KINDS = ["ok", "slow", "fail-1", "fail-2", "dead", "hang", "deaf"] as const;
export type Kind = (typeof KINDS)[number];

/** Which kinds a consumer's workers act on; the others go well with them. */
const ACTS: Record<string, readonly Kind[]> = {
  steady: ["slow"],
  failing: ["slow", "fail-1", "fail-2", "dead"],
  hanging: ["slow", "hang"],
};

/** What the workers of a consumer do with an event of this kind. */
export function actOf(consumer: string, kind: Kind): Kind {
  return ACTS[consumer]?.includes(kind) === true ? kind : "ok";
}

export function kindOf(name: string): Kind {
  const kind = name.split(".")[1] as Kind;
  if (!KINDS.includes(kind)) throw new Error(`${name} is of no kind`);
  return kind;
}

/** One line of a worker. `at`: the number of its line, from 0. */
export type Said = {
  at: number;
  what: "begin" | "beat" | "end";
  consumer: string;
  deliveryId: string;
  attempt: number;
  eventId: string;
  name: string;
  /** Of an end: the exit code. Of a beat: who beats. */
  number: number | null;
};

/** Writes the workers' program of a consumer of ACTS; gives the words that `run` of its file takes. */
export function writeWorker(path: string, runs: string, consumer: string): string[] {
  const cases = (ACTS[consumer] ?? []).map((kind) => `  *.${kind}) ${actionOf(kind)} ;;`);
  return write(
    path,
    runs,
    `say begin
case $OFFHOOK_SESSION_ID in
${cases.join("\n")}
esac
over 0
`,
  );
}

/** Who beats in the tree that writeTree makes: the leader, a child, one in a session of its own, one there without a parent. */
export const ROLES = [1, 2, 3, 4];

/** Writes a program whose first attempt at what hangs or is deaf is a tree of processes that never ends by itself. */
export function writeTree(path: string, runs: string): string[] {
  return write(
    path,
    runs,
    `beat() { while :; do say beat "$1"; sleep 0.1; done; }
case $OFFHOOK_SESSION_ID in *.deaf) trap "" TERM ;; esac
test $# = 0 || beat "$1"
say begin
case $OFFHOOK_ATTEMPT.$OFFHOOK_SESSION_ID in
  1.*.hang|1.*.deaf)
    beat 2 &
    setsid "$0" 3 &
    (setsid "$0" 4 &)
    beat 1
    ;;
esac
sleep 0.4
over 0
`,
  );
}

function write(path: string, runs: string, body: string): string[] {
  const program = `#!/bin/sh
say() { echo "$1 $OFFHOOK_CONSUMER $OFFHOOK_DELIVERY_ID $OFFHOOK_ATTEMPT $OFFHOOK_EVENT_ID $OFFHOOK_SESSION_ID $2" >> '${runs}'; }
over() { say end "$1"; exit "$1"; }
${body}`;
  writeFileSync(path, program, { mode: 0o700 });
  return [path];
}

function actionOf(kind: Kind): string {
  switch (kind) {
    case "ok":
      return ":";
    case "slow":
      return "sleep 0.04";
    case "fail-1":
    case "fail-2":
      return `test "$OFFHOOK_ATTEMPT" -gt ${kind === "fail-1" ? 1 : 2} || over 1`;
    case "dead":
      return "over 100";
    case "hang":
    case "deaf":
      return `test "$OFFHOOK_ATTEMPT" -gt 1 || while :; do say beat 1; sleep 0.03; done`;
    default:
      return kind satisfies never;
  }
}

/** Everything that workers said, in order. Throws for a line that none of them writes. */
export function readRuns(path: string): Said[] {
  const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n") : [""];
  if (lines.pop() !== "") throw new Error(`${path} does not end with a whole line`);
  return lines.map((line, at): Said => {
    const found = /^(begin|beat|end) ([a-z]+) (d_[0-9a-z]+) (\d+) ([0-9a-f-]{36}) (\S+) (\d*)$/.exec(line);
    if (found === null) throw new Error(`no line of a worker: ${JSON.stringify(line)}`);
    const [, what, consumer = "", deliveryId = "", attempt, eventId = "", name = "", number] = found;
    return {
      at,
      what: what as Said["what"],
      consumer,
      deliveryId,
      attempt: Number(attempt),
      eventId,
      name,
      number: number === "" ? null : Number(number),
    };
  });
}
