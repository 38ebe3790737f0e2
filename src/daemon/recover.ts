// What a dead daemon left running. Its workers' process groups are ended, then their deliveries are ready again.
// A recorded pid may be somebody else's by now: it is only believed when the boot and the leader's start time still match.
import type { Stream, Unfinished } from "../stream/stream.ts";
import { bootId, endTreeInSteps, processStartTime } from "../system/process.ts";

/** Ends leftover workers (TERM, then KILL after `killAfterMs`) and makes their deliveries ready. Gives how many there were. */
export async function recover(stream: Stream, killAfterMs: number): Promise<number> {
  const unfinished = stream.unfinished();
  await Promise.all(unfinished.map((attempt) => endGroup(attempt, killAfterMs)));
  for (const { deliveryId, number } of unfinished) {
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
      { state: "ready" },
    );
  }
  return unfinished.length;
}

async function endGroup({ bootId: boot, groupId, leaderStart }: Unfinished, killAfterMs: number): Promise<void> {
  if (groupId === null || leaderStart === null || boot !== bootId() || processStartTime(groupId) !== leaderStart)
    return;
  await endTreeInSteps(groupId, killAfterMs);
}
