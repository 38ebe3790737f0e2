// Spool to stream: the only way an event gets in.
//
// 1. List what waits (collect.ts keeps the promised order).
// 2. Batch by batch: read, make events, append in one transaction that survives a power cut, only then delete the files.
//    A kill anywhere leaves the file, the row, or both: the id makes the second append of the same file nothing.
// 3. Between batches the loop gives way, so that workers and commands are served during a long backlog.
//
// While the disk is full nothing is taken in: the spool keeps everything, and what room there is belongs to outcomes.
import { type FSWatcher, statSync, watch } from "node:fs";
import { join } from "node:path";
import { codeOf, messageOf } from "../errors.ts";
import { type EventContext, makeEvent } from "../event/event.ts";
import type { Spool } from "../spool/collect.ts";
import { passingTrouble } from "../stream/passing-trouble.ts";
import type { Stream } from "../stream/stream.ts";
import type { Disk } from "./disk.ts";

const BATCH = { maxFiles: 500, maxBytes: 8 * 1024 * 1024 };
const SWEEP_EVERY_MS = 3600 * 1000;

/** A spool directory that has not changed for so long, and is empty, is at rest. */
const REST_MS = 2000;

/** The poll covers what the watch misses; FSEvents reports late and not everything (oven-sh/bun#39070). */
const POLL_MS = process.platform === "darwin" ? 250 : 1000;

export type IngestDeps = {
  home: string;
  spool: Spool;
  stream: Stream;
  disk: Pick<Disk, "isFull" | "trouble">;
  context: EventContext;
  /** Throws when the ledger is not the one in the home any more: nothing may leave the spool then. */
  checkHome(): void;
  now(): number;
  log(line: string): void;
  /** Called after each batch that brought something new. */
  onAppended(): void;
  /** Told when the ledger cannot go on. */
  fail(error: unknown): void;
};

export type Ingest = {
  /** Takes in everything that waits now. */
  run(): Promise<void>;
  /** Watches the spool until `stop`. */
  watch(): void;
  /** Ends the watch and waits for the batch under way. */
  stop(): Promise<void>;
};

/** Makes the intake of one home. */
export function makeIngest(deps: IngestDeps): Ingest {
  let underway: Promise<void> | null = null;
  let again = false;
  let stopping = false;
  let isStuck = false;

  /** What passes (a full disk, a spool that somebody moved) is said once and waited for: the spool keeps everything. */
  const stumble = (error: unknown) => {
    if (passingTrouble(error) !== null) return void deps.disk.trouble(error);
    if (!isOfSpool(error)) return deps.fail(error);
    if (!isStuck) deps.log(`intake waits: ${messageOf(error)}; look at ${deps.home}/spool`);
    isStuck = true;
  };

  const mustRest = () => stopping || deps.disk.isFull();

  const takeIn = async () => {
    do {
      again = false;
      const changedNs = changeTime();
      const names = deps.spool.list();
      // Only what was at rest for a while, and empty, need not be looked into again before it changes: times are coarse.
      const isAtRest = names.length === 0 && Number(changedNs / 1_000_000n) < deps.now() - REST_MS;
      restingSinceNs = isAtRest ? changedNs : null;
      // Files are deleted while the next batch is read: on a disk that discards, that is the slowest part by far.
      let removal: Promise<void> = Promise.resolve();
      for (let at = 0; at < names.length && !mustRest(); ) {
        const read = deps.spool.read(names.slice(at, at + BATCH.maxFiles), BATCH);
        for (const { name, reason, stays } of read.bad) {
          const place = stays === null ? "set aside in spool/bad" : `stays in spool/new (${stays})`;
          deps.log(`spool: ${JSON.stringify(name)} ${place}: ${reason}`);
        }
        for (const name of read.newer)
          deps.log(`spool: ${name} was written by a newer offhook and waits; upgrade this one`);
        for (const { header } of read.files) {
          if (header.flags.includes("mode-mended"))
            deps.log(`${deps.home} was open to others; publish closed it (mode 0700)`);
        }
        const added = deps.stream.append(read.files.map((file) => makeEvent(file.header, file.body, deps.context)));
        // crash point: after-commit
        // After the append: what is in the ledger now is in the one that the next daemon finds.
        deps.checkHome();
        if (added > 0) deps.onAppended();
        await removal;
        removal = deps.spool.remove(read.files.map((file) => file.name));
        removal.catch(() => undefined); // Awaited in a moment; what stays after all is found again by its id.
        at += read.taken;
        // Texts of 32 MB each pile up faster than they are collected.
        if (read.files.some((file) => file.sizeBytes > BATCH.maxBytes)) Bun.gc(true);
        if (at < names.length) await new Promise<void>((resolve) => setImmediate(resolve));
      }
      await removal;
    } while (again && !mustRest());
  };

  const run = (): Promise<void> => {
    if (mustRest()) return underway ?? Promise.resolve();
    again = true;
    underway ??= takeIn()
      .then(() => {
        if (isStuck) deps.log("intake goes on");
        isStuck = false;
      })
      .catch(stumble)
      .finally(() => {
        underway = null;
      });
    return underway;
  };

  let watched: { watcher: FSWatcher | null; identity: string } | null = null;
  let poll: Timer | null = null;
  let sweptAt = Number.NEGATIVE_INFINITY;

  const directory = join(deps.home, "spool", "new");
  let restingSinceNs: bigint | null = null;
  const changeTime = () => statSync(directory, { bigint: true, throwIfNoEntry: false })?.mtimeNs ?? 0n;

  const watchDirectory = () => {
    const { ino, birthtimeNs } = statSync(directory, { bigint: true });
    // A new directory may get the inode of the one that was deleted.
    const identity = `${ino}:${birthtimeNs}`;
    if (watched?.identity === identity) return;
    watched?.watcher?.close();
    try {
      // Names and counts of a watch cannot be trusted: any call means "look".
      watched = { watcher: watch(directory, () => void run()), identity };
    } catch (error) {
      deps.log(`cannot watch the spool (${messageOf(error)}); looking every ${POLL_MS} ms instead`);
      watched = { watcher: null, identity };
    }
  };

  const tick = () => {
    try {
      deps.checkHome();
      deps.spool.ensure();
      // A directory that was replaced leaves the watch on the old one for ever: compare.
      watchDirectory();
      if (deps.now() - sweptAt > SWEEP_EVERY_MS) {
        sweptAt = deps.now();
        deps.spool.sweep(sweptAt);
      }
    } catch (error) {
      return stumble(error);
    }
    if (changeTime() !== restingSinceNs) void run();
  };

  return {
    run,
    watch() {
      tick();
      poll = setInterval(tick, POLL_MS);
    },
    async stop() {
      stopping = true;
      if (poll !== null) clearInterval(poll);
      watched?.watcher?.close();
      await underway;
    },
  };
}

/** Whether an error is a system call's: of those, only the spool's come here. */
function isOfSpool(error: unknown): boolean {
  return /^E[A-Z]+$/.test(codeOf(error) ?? "");
}
