// What a dead daemon left running. Its workers' process groups are ended, then their deliveries are ready again, or dead
// letters when that happened to them too often: one of them may be what ends the daemon.
// A recorded pid may be somebody else's by now: it is only believed when the boot and the leader's start time still match.
// What was not recorded, because the daemon died before, and what left its group and lost its parent, is known by its environment.
import { verdictOfCutOff } from "../attempt/outcome.ts";
import { marksOf } from "../attempt/worker-env.ts";
import type { Event } from "../event/event.ts";
import type { OwnTrouble } from "../event/own-event.ts";
import type { Stream, Unfinished } from "../stream/stream.ts";
import { bootId, endTreeInSteps, processStartTime, valuesInProcesses } from "../system/process.ts";

type MakeOwnEvent = (trouble: OwnTrouble, about: Event | null) => Event;

/**
 * Ends the workers that a daemon of this home left (TERM, then KILL after `killAfterMs`) and makes their deliveries ready. Gives
 * how many there were.
 */
export async function recover(
  stream: Stream,
  killAfterMs: number,
  ownEvent: MakeOwnEvent,
  home: string | null = null,
): Promise<number> {
  const unfinished = stream.unfinished();
  const alive = home === null || unfinished.length === 0 ? new Set() : valuesInProcesses("OFFHOOK_DELIVERY_ID");
  await Promise.all(
    unfinished.map((attempt) => endLeft(attempt, killAfterMs, alive.has(attempt.deliveryId) ? home : null)),
  );
  for (const { deliveryId, consumer, key, seqs, number, cutOffs } of unfinished) {
    const next = verdictOfCutOff(cutOffs + 1);
    const about = stream.eventsOf(seqs.slice(-1))[0] ?? null;
    const events =
      next.state === "dead"
        ? [ownEvent({ kind: "dead-letter", consumer, deliveryId, key, reason: next.reason, attempts: number }, about)]
        : [];
    stream.settle(
      deliveryId,
      number,
      {
        outcome: "killed",
        exitCode: null,
        signal: null,
        durationMs: null,
        stdout: "",
        stderr: "",
        reason: "the daemon ended",
        counts: false,
      },
      next,
      { cools: false, events },
    );
  }
  return unfinished.length;
}

/**
 * A partition's stream for `recover`. Whoever may write to Redis could name any process of ours there, and its start: what carries
 * the marks of an attempt of this home is ended, and nothing else. (macOS, where environments are not read: nothing is.)
 */
export function withoutProcesses(shared: Stream): Stream {
  return { ...shared, unfinished: () => shared.unfinished().map((one) => ({ ...one, groupId: null })) };
}

/** `home` null: no process carries the marks of this attempt. */
async function endLeft(attempt: Unfinished, killAfterMs: number, home: string | null): Promise<void> {
  const { deliveryId, number, bootId: boot, groupId, leaderStart } = attempt;
  const isOurs =
    groupId !== null && leaderStart !== null && boot === bootId() && processStartTime(groupId) === leaderStart;
  const marks =
    home === null
      ? []
      : marksOf({ OFFHOOK_HOME: home, OFFHOOK_DELIVERY_ID: deliveryId, OFFHOOK_ATTEMPT: String(number) });
  await endTreeInSteps(isOurs ? groupId : null, killAfterMs, marks);
}
