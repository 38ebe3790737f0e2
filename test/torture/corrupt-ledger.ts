// Ledgers, locks and sockets that are damaged while no daemon runs. What waits in the spool must reach every consumer, whether the
// daemon goes on, sets the ledger aside, or says that a person is needed and goes on after that.
import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Dice } from "./dice.ts";
import { isSettled, type LedgerSeen, readLedger } from "./ledger-check.ts";
import { LEDGER_DAMAGES, type LedgerDamage } from "./ledger-damage.ts";
import { comes, type Daemon, type Node, openNode } from "./node.ts";
import { digestOf } from "./publisher.ts";
import type { Context } from "./row.ts";
import { namesIn } from "./spool-check.ts";

const CONSUMERS = ["all", "kept"];
const HISTORY = 40;
/** As often as a service manager would start it again before anybody looks. */
const MOST_STARTS = 4;

export type End = "went on" | "set aside" | "refused";
export type Told = { end: End; wrong: string[] };

/** Homes with a past, to be copied: after a daemon's end, and after its death. */
export type Templates = { ended: string; killed: string };

/** Makes both. */
export async function makeTemplates({ place, dice, undo }: Context, binary: string): Promise<Templates> {
  const [ended = "", killed = ""] = await Promise.all(
    ["ended", "killed"].map(async (how) => {
      const node = openNode(join(place, `template-${how}`, "home"), binary, undo);
      for (const [name, builtin] of [
        ["all", "none"],
        ["kept", "log"],
      ])
        node.consumer(name ?? "", `on = ["**"]\nstart = "earliest"\nbuiltin = "${builtin}"\n`);
      const daemon = await node.start();
      for (let at = 0; at < HISTORY; at++) await node.publish(`past-${at}`, bodyOf(`past-${at}`, dice.fork(at)));
      if (!(await comes(() => isSettled(node.home, CONSUMERS)))) throw new Error(`no past: ${daemon.output()}`);
      if (how === "ended") await daemon.stop();
      else {
        process.kill(daemon.pid, "SIGKILL");
        await daemon.ended;
      }
      return node.home;
    }),
  );
  return { ended, killed };
}

function bodyOf(name: string, dice: Dice): Uint8Array {
  const content = Buffer.from(dice.bytes(dice.pick([30, 1009, 9001]))).toString("base64");
  return new TextEncoder().encode(
    JSON.stringify({
      session_id: name,
      hook_event_name: "PostToolUse",
      tool_name: "Write",
      tool_use_id: name,
      content,
    }),
  );
}

/** Damages a copy of a home, starts the daemon as a service manager would, and looks at what came of it. */
export async function corruptLedger(
  { place, undo }: Context,
  binary: string,
  { name, number, dice, templates }: { name: string; number: number; dice: Dice; templates: Templates },
): Promise<Told & { what: string }> {
  const damage = LEDGER_DAMAGES[number % LEDGER_DAMAGES.length] as LedgerDamage;
  const home = join(place, name, "home");
  mkdirSync(join(place, name), { mode: 0o700 });
  // Without the dead daemon's socket, which no copy takes along.
  cpSync(damage.isKilled ? templates.killed : templates.ended, home, {
    recursive: true,
    filter: (path) => !lstatSync(path).isSocket(),
  });
  const node = openNode(home, binary, undo);
  const spooled = new Map<string, string>();
  const wrong: string[] = [];
  const publish = async () => {
    const event = `spooled-${spooled.size}`;
    const body = bodyOf(event, dice.fork(event));
    const ended = await node.publish(event, body);
    if (ended.exitCode !== 0) wrong.push(`${event} was not taken: ${ended.stderr}`);
    spooled.set(event, digestOf(body));
  };
  await publish();
  await publish();
  const path = join(home, damage.file);
  damage.damage(path, dice);
  await publish();
  try {
    return { what: damage.what, end: await startUntilSettled(node, damage, path, spooled, wrong), wrong };
  } catch (error) {
    // A daemon that neither is ready nor ends.
    return { what: damage.what, end: "went on", wrong: [...wrong, String(error)] };
  }
}

async function startUntilSettled(
  node: Node,
  damage: LedgerDamage,
  path: string,
  spooled: ReadonlyMap<string, string>,
  wrong: string[],
): Promise<End> {
  let end: End = "went on";
  for (let starts = 1; ; starts++) {
    const before = waitingIn(node.home);
    const daemon = await node.start();
    // Alive, and saying that it cannot take anything in: a refusal too.
    const waits = () => daemon.output().includes("intake waits");
    if (!(await comes(() => daemon.end() !== null || isDone(node.home) || waits()))) {
      wrong.push(`what was in the spool is not done: ${daemon.output()}`);
      await daemon.stop();
      return end;
    }
    if (daemon.end() === null && waits()) {
      const status = await node.run("status");
      if (status.exitCode !== 1) wrong.push(`it waits, and status exits ${status.exitCode}: ${status.stdout}`);
      await daemon.stop();
    } else if (daemon.end() === null) {
      await lookAtLiving(node, daemon, wrong);
      wrong.push(...wrongEvents(node.home, spooled));
      return damagedOf(node.home).length > 0 ? "set aside" : end;
    }
    const output = daemon.output();
    if (!waits()) wrong.push(...wrongEnd(daemon, output));
    if (starts === MOST_STARTS) {
      wrong.push(`it ends again and again: ${output}`);
      return end;
    }
    // It says that the next start will see to it; whoever manages it starts it again.
    if (/seems damaged/.test(output)) continue;
    // Bits that are flipped may make it a version that nobody has written yet.
    const mayRefuse = damage.mayRefuse || output.includes("was written by a newer offhook");
    if (!mayRefuse) wrong.push(`it refuses: ${output}`);
    if (waitingIn(node.home).join() !== before.join()) wrong.push("it refuses, and has taken something from the spool");
    damage.mend(path);
    end = "refused";
  }
}

/** A daemon that runs: well, and what it says of the ledger that it set aside. */
async function lookAtLiving(node: Node, daemon: Daemon, wrong: string[]): Promise<void> {
  const status = await node.run("status");
  const said = `${daemon.output()}\n${status.stdout}${status.stderr}`;
  if (/internal|undefined/.test(said)) wrong.push(`it says ${said}`);
  const damaged = damagedOf(node.home);
  for (const aside of damaged) {
    if (status.exitCode !== 1 || !status.stdout.includes(aside))
      wrong.push(`status exits ${status.exitCode} and does not name ${aside}`);
  }
  const ended = await daemon.stop();
  if (ended !== 0) wrong.push(`the daemon ended with ${ended}: ${daemon.output()}`);
  const next = await node.start();
  if (next.end() !== null) wrong.push(`the next start ends with ${next.end()}: ${next.output()}`);
  const nextEnd = await next.stop();
  if (nextEnd !== 0) wrong.push(`the next daemon ended with ${nextEnd}: ${next.output()}`);
  if (damagedOf(node.home).join() !== damaged.join()) wrong.push(`the next start sets aside another: ${next.output()}`);
}

/** An end must be told as people can mend it. */
function wrongEnd(daemon: Daemon, output: string): string[] {
  const end = daemon.end();
  const isClear = typeof end === "number" && [1, 75, 77, 78].includes(end) && /^error: .+\ntry: .+/m.test(output);
  return isClear && !output.includes("internal") ? [] : [`it ended with ${end}, saying ${output}`];
}

function damagedOf(home: string): string[] {
  return readdirSync(home).filter((name) => /^ledger\.damaged-.*\.db$/.test(name));
}

/** The spool's files with their bytes' digests. */
function waitingIn(home: string): string[] {
  return namesIn(home, "new").map((name) => `${name} ${digestOf(readFileSync(join(home, "spool", "new", name)))}`);
}

/** Whether the daemon is done with what waited: nothing waits, and each consumer is at the end. */
function isDone(home: string): boolean {
  try {
    return isSettled(home, CONSUMERS);
  } catch {
    return false; // Damaged and not set aside yet, or about to be: the daemon says which.
  }
}

/** What waited in the spool must be there, whole, and done by each consumer once. */
function wrongEvents(home: string, spooled: ReadonlyMap<string, string>): string[] {
  let seen: LedgerSeen | null;
  try {
    seen = readLedger(home);
  } catch (error) {
    return [`the ledger that it goes on with cannot be read: ${error}`];
  }
  const wrong: string[] = [];
  for (const [name, digest] of spooled) {
    const events = seen?.events.filter((event) => event.name === name) ?? [];
    if (events.length !== 1 || events[0]?.digest !== digest) {
      const where = asideWith(home, name);
      wrong.push(`${name} is ${events.length === 0 ? "lost" : "not what was published"}${where}`);
    }
    for (const consumer of CONSUMERS) {
      const own =
        seen?.deliveries.filter((one) => one.consumer === consumer && one.seqs.includes(events[0]?.seq ?? -1)) ?? [];
      if (own.length !== 1 || own[0]?.state !== "ok")
        wrong.push(`${consumer} has ${own.length} deliveries of ${name}: ${own[0]?.state}`);
    }
  }
  return wrong;
}

/** In which of the ledgers that were set aside an event is, for who looks for it. */
function asideWith(home: string, name: string): string {
  const files = readdirSync(home).filter((file) => file.startsWith("ledger.damaged-") && existsSync(join(home, file)));
  const holding = files.filter((file) => readFileSync(join(home, file)).includes(name));
  return holding.length === 0 ? "" : ` (it is in ${holding})`;
}
