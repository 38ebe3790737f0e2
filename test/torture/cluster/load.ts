// The load on a cluster: events published on its nodes, one after the other on each, mostly through the spool's own hot half in
// this process (a hundred microseconds each), some by the binary. Names tell node and number: n2.000117.
import type { SpoolHeader } from "../../../src/event/event.ts";
import { append } from "../../../src/spool/append.ts";
import type { Dice } from "../dice.ts";
import { publisherEnv } from "../publisher.ts";
import type { Context } from "../row.ts";
import type { Sent } from "./history-check.ts";
import type { Member } from "./members.ts";

/** Of the events that are published by the binary. */
const BINARY_SHARE = 0.03;
const TYPE = "load.saved";

export type Publish = (member: Member, key: string) => Promise<Sent>;

export type Load = {
  /** Everything published so far; of one node in order. */
  sent: readonly Sent[];
  /** Publishes one event on a node, after those before it there. */
  publish: Publish;
};

/** A load on nodes; `dice` chooses which events go through the binary. */
export function openLoad({ binary }: Pick<Context, "binary">, dice: Dice): Load {
  const sent: Sent[] = [];
  const numbers = new Map<string, number>();
  const lanes = new Map<string, Promise<unknown>>();

  const publishNow = async (member: Member, key: string): Promise<Sent> => {
    const number = numbers.get(member.name) ?? 0;
    numbers.set(member.name, number + 1);
    const name = `${member.name}.${String(number).padStart(6, "0")}`;
    const beganMs = Date.now();
    if (dice.fork(name).chance(BINARY_SHARE)) await byBinary(binary, member.home, name, key);
    else inProcess(member.home, name, key);
    const one = { name, node: member.name, key, beganMs, endedMs: Date.now() };
    sent.push(one);
    return one;
  };
  return {
    sent,
    publish(member, key) {
      const next = (lanes.get(member.name) ?? Promise.resolve()).then(() => publishNow(member, key));
      lanes.set(member.name, next);
      return next;
    },
  };
}

/** Publishes at a rate on nodes in turn of chance, until the stop; resolves when the last one is stored. */
export async function flow(
  { load, members, perSecond, keyOf, dice }: FlowOptions,
  shouldStop: () => boolean,
): Promise<void> {
  const beganMs = performance.now();
  const under: Promise<unknown>[] = [];
  for (let number = 0; !shouldStop(); number++) {
    const dueMs = beganMs + (number * 1000) / perSecond;
    if (dueMs > performance.now()) await Bun.sleep(dueMs - performance.now());
    const member = dice.pick(members);
    under.push(load.publish(member, keyOf(member)));
  }
  await Promise.all(under);
}

export type FlowOptions = {
  load: Load;
  members: readonly Member[];
  perSecond: number;
  keyOf(member: Member): string;
  dice: Dice;
};

function inProcess(home: string, name: string, key: string): void {
  const body = new TextEncoder().encode(JSON.stringify({ name }));
  const header: SpoolHeader = {
    v: 1,
    id: Bun.randomUUIDv7(),
    time: new Date().toISOString(),
    pid: process.pid,
    args: [`--type=${TYPE}`, `--subject=${key}`],
    env: { CLAUDE_CODE_SESSION_ID: name },
    size: body.length,
    flags: [],
  };
  append(home, header, body, "process");
}

async function byBinary(binary: string, home: string, name: string, key: string): Promise<void> {
  const words = ["publish", "--type", TYPE, "--subject", key, "--data", JSON.stringify({ name })];
  const child = Bun.spawn([binary, ...words], {
    env: publisherEnv(home, name),
    cwd: "/",
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stderr] = await Promise.all([child.stderr.text(), child.exited]);
  if (child.exitCode !== 0) throw new Error(`publish of ${name} ended with ${child.exitCode}: ${stderr}`);
}
