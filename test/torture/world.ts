// A daemon's core in this process: the real ledger on a real file, the real dispatchers, and around them a world that the test
// moves by hand. Time passes when it says so, turns come in an order from the dice, an attempt ends when and as it says. The same
// seed and the same calls give the same course (ids of deliveries aside, which decide nothing).
//
// A crash is that of kill -9: everything in memory is dropped, the files are taken as they are at that moment (the write-ahead log
// unread), and the next daemon opens them and recovers. No process is started, so there is none to end.
import type { Database } from "bun:sqlite";
import { join } from "node:path";
import { resultOf } from "../../src/attempt/attempt.ts";
import type { AttemptResult } from "../../src/attempt/outcome.ts";
import type { Plan } from "../../src/attempt/plan.ts";
import type { Silencing } from "../../src/config/project-file.ts";
import type { Consumer } from "../../src/config/schema.ts";
import { recover } from "../../src/daemon/recover.ts";
import { type Dispatcher, makeDispatcher } from "../../src/dispatch/dispatcher.ts";
import { makeSlots } from "../../src/dispatch/slots.ts";
import type { Surroundings } from "../../src/dispatch/surroundings.ts";
import type { Event } from "../../src/event/event.ts";
import { makeOwnEvent, type OwnTrouble } from "../../src/event/own-event.ts";
import { ledgerOn } from "../../src/ledger/ledger.ts";
import { openForWriting } from "../../src/ledger/opening.ts";
import type { Stream } from "../../src/stream/stream.ts";
import { contextWith } from "../fixtures/delivery.ts";
import type { Dice } from "./dice.ts";
import { makeVirtualClock, type VirtualClock } from "./virtual-clock.ts";
import { makeAttempts, type Underway } from "./world-attempts.ts";
import { copyLedger, makeLedger, removeLedger } from "./world-ledger.ts";

export type WorldOptions = {
  /** For the ledger's files; there may be others in it, of other names. */
  directory: string;
  dice: Dice;
  /** Wall time at the beginning, in ms since 1970. */
  startMs: number;
  workers: number;
  consumers: readonly Consumer[];
  silencingOf?(project: string | null): Silencing | null;
  isOff?(consumer: string): boolean;
  /** Whether a file is there. */
  exists?(path: string): boolean;
  /** How an attempt ends that runs inside the daemon: at once, as the real ones do. ok when nothing else is said. */
  endInside?(plan: Plan): AttemptResult;
  /** The ledger as everybody gets it: to watch it, or to be wrong on purpose. Called for each life, with its database. */
  around?(stream: Stream, db: Database): Stream;
  /** Told of the end of every attempt before anybody else is, and whether the daemon's own end cut it off. */
  onEnd?(underway: Underway, result: AttemptResult, isCutOff: boolean): void;
};

export type { Underway } from "./world-attempts.ts";

export type World = {
  clock: VirtualClock;
  /** The ledger of the daemon that lives now, and its file. */
  stream(): Stream;
  path(): string;
  database(): Database;
  /** Attempts that were begun and have not ended, in that order. */
  underway(): readonly Underway[];
  /** Seats a consumer, or changes the one of its name. */
  seat(consumer: Consumer): void;
  /** Its file is gone. */
  unseat(name: string): void;
  dispatcher(name: string): Dispatcher | null;
  consumers(): Consumer[];
  /** Asks every group for a turn. */
  advance(): void;
  /** Puts events into the stream, as intake does. Gives how many were new. */
  publish(events: readonly Event[]): number;
  /** Lets everything happen that can happen without time. Throws what ended the daemon, and when it does not come to rest. */
  rest(): Promise<void>;
  /** Lets time pass, and everything that happens meanwhile. */
  pass(ms: number): Promise<void>;
  /** kill -9 and the next start; gives how many attempts were cut off. */
  crash(): Promise<number>;
  /** SIGTERM, with attempts that do not end in time, and the next start. */
  restart(): Promise<void>;
  close(): void;
};

/** More turns without time passing are a storm. */
const MOST_TURNS = 5_000;

/** Opens a new ledger in the directory and seats the consumers. Nothing has happened yet when it returns; `rest` lets it. */
export function makeWorld(options: WorldOptions): World {
  const clock = makeVirtualClock(options.startMs);
  const { dice } = options;
  /** The consumer files, which no crash takes away, and the loops of this life; those of a file that is gone keep their place. */
  const files = new Map<string, Consumer>();
  const dispatchers = new Map<string, Dispatcher>();
  let lives = 0;
  let path = join(options.directory, "world-0.db");
  let ownEvents = 0;
  let begun = 0;
  makeLedger(path);
  let life = begin();

  /** A daemon's life: what is dropped when it dies. */
  function begin() {
    const db = openForWriting(path);
    const open = ledgerOn(db, { now: clock.now, durability: "process" });
    return {
      file: open,
      db,
      stream: options.around?.(open, db) ?? open,
      turns: new Set<() => void>(),
      attempts: makeAttempts(
        () => begun++,
        (...end) => options.onEnd?.(...end),
        (plan) => options.endInside?.(plan) ?? resultOf({ outcome: "ok" }),
      ),
      failure: null as { error: unknown } | null,
      /** The attempt that was planned last, by delivery. */
      planned: new Map<string, number>(),
      shared: null as Surroundings | null,
    };
  }

  function surroundings(mine: typeof life): Surroundings {
    mine.shared ??= {
      stream: mine.stream,
      slots: makeSlots(options.workers),
      turns: { ask: (work) => void mine.turns.add(work) },
      startAttempt: ({ deliveryId, plan }) =>
        mine.attempts.start({ id: deliveryId, attempt: mine.planned.get(deliveryId) ?? 0 }, plan),
      planContext({ id, attempt, replay }) {
        mine.planned.set(id, attempt);
        return contextWith({
          deliveryId: id,
          attempt,
          replay,
          environment: {},
          exists: options.exists ?? (() => true),
        });
      },
      realPath: (path) => path,
      isOff: options.isOff ?? (() => false),
      silencingOf: options.silencingOf ?? (() => null),
      bootId: "boot",
      startTimeOf: () => null,
      now: clock.now,
      later: clock.later,
      random: dice.real,
      ownEvent,
      onOwnEvents: () => advance(),
      onOutcome: () => undefined,
      isFull: () => false,
      onTrouble: (error) => {
        mine.failure ??= { error };
        return false;
      },
      fail: (error) => {
        mine.failure ??= { error };
      },
    };
    return mine.shared;
  }

  function ownEvent(trouble: OwnTrouble, about: Event | null): Event {
    const id = `00000000-0000-7000-8000-${String(++ownEvents).padStart(12, "0")}`;
    return makeOwnEvent(trouble, about, { id, node: "n1", nowMs: clock.now() });
  }

  function seat(consumer: Consumer): void {
    files.set(consumer.name, consumer);
    const before = dispatchers.get(consumer.name);
    before?.replace(consumer);
    const dispatcher = before ?? makeDispatcher(consumer, surroundings(life));
    dispatchers.set(consumer.name, dispatcher);
    dispatcher.advance();
  }

  function advance(): void {
    for (const dispatcher of dispatchers.values()) dispatcher.advance();
  }

  const rest = async (): Promise<void> => {
    for (let turns = 0; ; turns++) {
      // What has ended is written in microtasks; none of them waits for anything outside.
      await new Promise<void>((resolve) => void setImmediate(resolve));
      if (life.failure !== null) throw life.failure.error;
      if (life.turns.size === 0) return;
      if (turns === MOST_TURNS) throw new Error(`no rest after ${MOST_TURNS} turns without time passing`);
      const work = dice.pick([...life.turns]);
      life.turns.delete(work);
      work();
    }
  };

  /** The next daemon, on the file as it is. */
  const start = async (): Promise<number> => {
    dispatchers.clear();
    life = begin();
    const leftover = await recover(life.stream, 0, ownEvent);
    for (const consumer of files.values()) seat(consumer);
    life.stream.markRemoved([...files.keys()]);
    if (leftover > 0) {
      life.stream.append([ownEvent({ kind: "recovered", what: "daemon", deliveries: leftover }, null)]);
      advance();
    }
    return leftover;
  };

  for (const consumer of options.consumers) seat(consumer);

  return {
    clock,
    stream: () => life.stream,
    path: () => path,
    database: () => life.db,
    underway: () => life.attempts.underway(),
    seat,
    unseat(name) {
      files.delete(name);
      dispatchers.get(name)?.leave();
      life.stream.markRemoved([...files.keys()]);
    },
    dispatcher: (name) => dispatchers.get(name) ?? null,
    consumers: () => [...files.values()],
    advance,
    publish(events) {
      const added = life.stream.append(events);
      if (added > 0) advance();
      return added;
    },
    rest,
    async pass(ms) {
      await rest();
      for (let leftMs = ms; ; ) {
        const reached = clock.passUntilTimer(leftMs);
        if (reached === null) return;
        leftMs -= reached.passedMs;
        await rest();
      }
    },
    async crash() {
      const before = path;
      path = join(options.directory, `world-${++lives}.db`);
      copyLedger(before, path);
      clock.dropTimers();
      life.attempts.drop();
      life.file.close();
      removeLedger(before);
      return await start();
    },
    async restart() {
      const stopped = [...dispatchers.values()].map((one) => one.stop());
      for (const one of dispatchers.values()) one.endRunning();
      await rest();
      await Promise.all(stopped);
      life.file.close();
      clock.dropTimers();
      await start();
    },
    close: () => life.file.close(),
  };
}
