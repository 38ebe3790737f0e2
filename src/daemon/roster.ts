// The consumers of a home as they run: files become dispatchers, and edits are followed without a restart.
// A broken file stops that consumer only: with a good version before it the good one goes on (stale), without one its group
// waits where it is (broken).
import { type BrokenConsumer, loadConsumers } from "../config/load.ts";
import type { Consumer } from "../config/schema.ts";
import type { Secrets } from "../config/secrets.ts";
import { type Dispatcher, type DispatcherDeps, makeDispatcher } from "../dispatch/dispatcher.ts";
import type { Stream } from "../stream/stream.ts";

/** left-out: this daemon was started for other consumers only. */
export type ConsumerState = "active" | "stale" | "broken" | "disabled" | "left-out" | "removed";

export type RosterEntry = { name: string; state: ConsumerState; error: string | null };

export type Roster = {
  /** Reads all files again and follows what changed. */
  reload(): void;
  /** Lets every group go on, beginning with another one each time, so that none is always first at the slots. */
  advance(): void;
  entries(): RosterEntry[];
  stop(): Promise<void>;
  endRunning(): void;
};

type Seat = { dispatcher: Dispatcher | null; fingerprint: string; state: ConsumerState; error: string | null };

/** Makes the roster of a home, empty until the first `reload`. `only`: run these names and no others; null runs all. */
export function makeRoster(
  home: string,
  deps: {
    stream: Stream;
    dispatcher: DispatcherDeps;
    secrets(): Secrets;
    only: readonly string[] | null;
    log(line: string): void;
  },
): Roster {
  const seats = new Map<string, Seat>();
  let turn = 0;

  const isLeftOut = (name: string) => deps.only !== null && !deps.only.includes(name);

  const seat = (consumer: Consumer) => {
    const before = seats.get(consumer.name);
    const fingerprint = Bun.hash(JSON.stringify(consumer)).toString(36);
    const state = isLeftOut(consumer.name) ? "left-out" : consumer.enabled ? "active" : "disabled";
    if (before?.fingerprint === fingerprint && before.state === state) return;
    if (before?.dispatcher) {
      before.dispatcher.replace(consumer);
      deps.log(`${consumer.name}: the changed file is in use`);
    }
    const dispatcher = before?.dispatcher ?? (state === "left-out" ? null : makeDispatcher(consumer, deps.dispatcher));
    if (state === "left-out") deps.stream.openGroup(consumer.name, { start: consumer.start, ordered: consumer.order });
    seats.set(consumer.name, { dispatcher, fingerprint, state, error: null });
  };

  const seatBroken = (broken: BrokenConsumer) => {
    const error = broken.errors.join("\n");
    const before = seats.get(broken.name);
    if (before?.error === error) return;
    const isGoingOn = before?.dispatcher !== null && before !== undefined && before.state !== "removed";
    const state = isGoingOn ? "stale" : "broken";
    // Its events wait from now on, so that nothing is missed while the file is mended.
    if (state === "broken" && broken.isName) deps.stream.openGroup(broken.name, { start: "now", ordered: true });
    deps.log(
      `${shown(broken.name)}: ${state === "stale" ? "the last good version goes on, because the edit" : "does not run, because the file"} is broken:\n${error}`,
    );
    seats.set(broken.name, { dispatcher: before?.dispatcher ?? null, fingerprint: "", state, error });
  };

  return {
    reload() {
      const { consumers, broken } = loadConsumers(home, deps.secrets());
      for (const consumer of consumers) seat(consumer);
      for (const one of broken) seatBroken(one);
      const present = new Set([...consumers, ...broken].map((one) => one.name));
      for (const [name, seat] of seats) {
        if (present.has(name) || seat.state === "removed") continue;
        // It keeps its seat: what runs is still ours to end, and the file may come back (editors and git move files about).
        seat.dispatcher?.pause();
        seats.set(name, { ...seat, fingerprint: "", state: "removed", error: null });
        deps.log(`${shown(name)}: its file is gone; what it had not done stays in the ledger`);
      }
      deps.stream.markRemoved([...present]);
    },
    advance() {
      const dispatchers = [...seats.values()].flatMap((one) => one.dispatcher ?? []);
      turn = dispatchers.length === 0 ? 0 : (turn + 1) % dispatchers.length;
      for (const dispatcher of [...dispatchers.slice(turn), ...dispatchers.slice(0, turn)]) dispatcher.advance();
    },
    entries: () =>
      [...seats].map(([name, { state, error }]) => ({ name, state, error })).sort((a, b) => (a.name < b.name ? -1 : 1)),
    async stop() {
      await Promise.all([...seats.values()].map((one) => one.dispatcher?.stop()));
    },
    endRunning() {
      for (const one of seats.values()) one.dispatcher?.endRunning();
    },
  };
}

/** A name as one line: that of a broken file may hold anything. */
function shown(name: string): string {
  return JSON.stringify(name).slice(1, -1);
}
