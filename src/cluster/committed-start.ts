// The starts of a seat: a command or request starts once Redis has confirmed that it is ours to start.
//
// A command has a slot from its beginning. Where Redis keeps it waiting it lends the slot to the node's own consumers, waits for
// another one afterwards, and asks Redis again then: the partition may be somebody else's by that time.
import { type Attempt, ENDED_EARLY, resultOf } from "../attempt/attempt.ts";
import type { Slots } from "../dispatch/slots.ts";
import type { Surroundings } from "../dispatch/surroundings.ts";

/** How long a start keeps its slot while it waits for Redis, in ms: far longer than a commit takes. */
const PATIENCE_MS = 500;

export type CommittedStartDeps = Pick<Surroundings, "startAttempt" | "slots" | "later"> & {
  /** Ends when all that is so now is in Redis (true), or never will be from here (false). */
  committed(): Promise<boolean>;
};

export type CommittedStart = Pick<Surroundings, "startAttempt"> & {
  /** For the dispatcher: a `take` is followed at once by the start that it is for. */
  slots: Slots;
  /** Whether a start has lent its slot: nothing more should be begun. */
  isLate(): boolean;
};

/** Makes the starts of one seat. */
export function makeCommittedStart({ startAttempt, slots, later, committed }: CommittedStartDeps): CommittedStart {
  const seats = { held: 0, lent: 0 };
  let taken: Slot | null = null;

  /** Waits until it may start; false: never. */
  const mayStart = async (slot: Slot | null, ended: Promise<boolean>): Promise<boolean> => {
    for (;;) {
      const callOff = later(PATIENCE_MS, () => slot?.lend());
      const isOurs = await Promise.race([committed(), ended]);
      callOff();
      if (!isOurs || slot === null || slot.isHeld()) return isOurs;
      if (!(await Promise.race([slot.takeAgain(), ended]))) return false;
    }
  };

  const startCommitted = (attempt: Parameters<Surroundings["startAttempt"]>[0], slot: Slot | null): Attempt => {
    let inner: Attempt | null = null;
    let isEnded = false;
    const ended = Promise.withResolvers<boolean>();
    const done = mayStart(slot, ended.promise).then((may) => {
      if (!may || isEnded) return resultOf({ outcome: "killed", reason: ENDED_EARLY });
      inner = startAttempt(attempt);
      return inner.done;
    });
    return {
      pid: null,
      done,
      end() {
        isEnded = true;
        ended.resolve(false);
        inner?.end();
      },
    };
  };

  return {
    slots: {
      isFree: slots.isFree,
      take() {
        taken = takeSlot(slots, seats);
        return taken.end;
      },
    },
    isLate: () => seats.lent > 0,
    startAttempt(attempt) {
      const slot = taken;
      taken = null;
      const { kind } = attempt.plan;
      return kind === "command" || kind === "request" ? startCommitted(attempt, slot) : startAttempt(attempt);
    },
  };
}

/** One slot of the node's, which may be lent until its attempt starts. */
type Slot = {
  isHeld(): boolean;
  lend(): void;
  /** Ends when it has one again (true), or was ended. */
  takeAgain(): Promise<boolean>;
  end(): void;
};

/** `seats`: how many of this seat's are held and lent. */
function takeSlot(slots: Slots, seats: { held: number; lent: number }): Slot {
  let release: (() => void) | null = slots.take();
  let isEnded = false;
  seats.held++;
  const letGo = () => {
    if (release === null) return false;
    seats.held--;
    release();
    release = null;
    return true;
  };
  return {
    isHeld: () => release !== null,
    lend() {
      if (letGo()) seats.lent++;
    },
    async takeAgain() {
      while (!isEnded) {
        const freed = Promise.withResolvers<void>();
        if (slots.isFree(seats.held, 0, freed.resolve)) {
          release = slots.take();
          seats.held++;
          seats.lent--;
          return true;
        }
        await freed.promise;
      }
      return false;
    },
    end() {
      if (isEnded) return;
      isEnded = true;
      if (!letGo()) seats.lent--;
    },
  };
}
