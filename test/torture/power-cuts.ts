// The inside of the row power-cut, run in a mount namespace of its own: publishers on a disk image, stopped at random moments,
// the image copied, the copy mounted (which replays its journal) and looked at. Prints lines of JSON: {"say"} and, last, {"seen"}.
//
// 1. A new image; publishers write to it, several at once, into a home that the first of them make.
// 2. At a random moment each gets SIGSTOP: who has exited 0 by then was acknowledged before the cut.
// 3. The image is copied as the device has it: what only the kernel knew is not in it. What the device took is in it, as if it
//    had no cache of its own to lose.
// 4. The others go on (SIGCONT), to the next cut.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Dice, makeDice } from "./dice.ts";
import { type Disk, makeImage, mountImage, removeImage } from "./disk-image.ts";
import { type Ended, type Sent, sentOf, startPublisher } from "./publisher.ts";
import type { Seen } from "./row.ts";
import { lostOf, readSpool } from "./spool-check.ts";

/** The one argument, as JSON. */
export type CutsAsked = { binary: string; place: string; seed: string; images: number; words: string[] };

const AT_ONCE = 6;
const CUTS_OF_AN_IMAGE = 4;
const UNTIL_CUT_MS = { least: 150, most: 900 };
const SIZES_BYTES = [1, 997, 20_011, 60_013, 200_003];

const asked: CutsAsked = JSON.parse(process.argv[2] ?? "");
const counts = { cuts: 0, acknowledged: 0, "under way at a cut": 0, lost: 0, corrupt: 0 };
const findings: string[] = [];
let isEnding = false;

/** A publisher under way, or ended. */
type One = { name: string; pid: number; ended: Ended | null };

async function cutImage(dice: Dice, image: string): Promise<void> {
  makeImage(image);
  const disk = mountImage(image, join(asked.place, "disk"));
  const home = join(disk.at, "home");
  const sent = new Map<string, Sent>();
  const publishers = new Set<One>();
  let number = 0;
  let isOver = false;
  const lane = async () => {
    while (!isOver) {
      const name = `cut-${number++}`;
      const throws = dice.fork(name);
      const body = throws.bytes(throws.pick(SIZES_BYTES));
      sent.set(name, sentOf(name, body));
      const { pid, ended } = startPublisher({ command: [asked.binary, "publish", ...asked.words], home, name, body });
      const one: One = { name, pid, ended: null };
      publishers.add(one);
      one.ended = await ended;
      if (one.ended.exitCode !== 0 && !isOver) findings.push(`${name}: ${JSON.stringify(one.ended)}`);
      while (isHeld) await Bun.sleep(1);
    }
  };
  let isHeld = false;
  const lanes = Array.from({ length: AT_ONCE }, lane);
  try {
    for (let cut = 0; cut < CUTS_OF_AN_IMAGE && !isEnding; cut++) {
      await Bun.sleep(dice.between(UNTIL_CUT_MS.least, UNTIL_CUT_MS.most));
      isHeld = true;
      const stopped = await stopAll(publishers);
      const copy = `${image}.copy`;
      await disk.copyTo(copy);
      look(
        copy,
        disk,
        sent,
        [...publishers].filter(({ ended }) => ended?.exitCode === 0).map(({ name }) => name),
      );
      counts["under way at a cut"] += stopped.length;
      for (const one of stopped) signal(one, "SIGCONT");
      isHeld = false;
    }
  } finally {
    isOver = true;
    isHeld = false;
    for (const one of publishers) if (one.ended === null) signal(one, "SIGKILL");
    await Promise.all(lanes);
    disk.unmount();
    removeImage(image);
  }
  counts.acknowledged += [...publishers].filter(({ ended }) => ended?.exitCode === 0).length;
}

/** Stops every publisher that has not ended; returns when each is stopped or has ended and its end is known. */
async function stopAll(publishers: Iterable<One>): Promise<One[]> {
  const under = [...publishers].filter(({ ended }) => ended === null);
  for (const one of under) signal(one, "SIGSTOP");
  while (under.some((one) => one.ended === null && !isStopped(one.pid))) await Bun.sleep(1);
  return under.filter(({ ended }) => ended === null);
}

/** Whether all threads stand still; one inside fsync(2) does so when the disk has answered. */
function isStopped(pid: number): boolean {
  try {
    return /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false; // It has ended; that is known in a moment.
  }
}

function look(copy: string, disk: Disk, sent: ReadonlyMap<string, Sent>, acknowledged: string[]): void {
  counts.cuts++;
  const after = mountImage(copy, `${disk.at}-after`);
  try {
    const seen = readSpool(join(after.at, "home"), sent);
    const lost = lostOf(acknowledged, seen, `in cut ${counts.cuts} of ${acknowledged.length} acknowledged`);
    counts.lost += lost.length;
    counts.corrupt += seen.corrupt.length;
    findings.push(...lost, ...seen.corrupt.map((words) => `cut ${counts.cuts}: ${words}`));
  } finally {
    after.unmount();
    removeImage(copy);
  }
  tell({ say: `${counts.cuts} cuts of ${asked.images * CUTS_OF_AN_IMAGE}` });
}

function signal({ pid, ended }: One, name: NodeJS.Signals): void {
  if (ended !== null) return;
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // it ended by itself meanwhile
  }
}

function tell(words: { say: string } | { seen: Seen }): void {
  console.log(JSON.stringify(words));
}

process.on("SIGTERM", () => {
  isEnding = true;
});
/** Who started us holds our stdin open: when it is gone, however it ended, we end too. */
async function endWithParent(): Promise<void> {
  for await (const _ of Bun.stdin.stream());
  isEnding = true;
}

void endWithParent();
const dice = makeDice(asked.seed);
for (let image = 0; image < asked.images && !isEnding; image++) {
  await cutImage(dice.fork(image), join(asked.place, `image-${image}`));
}
if (counts.acknowledged === 0) findings.push("nothing was acknowledged: this shows nothing");
tell({ seen: { counts, findings } });
process.exit(0); // stdin is still being read
