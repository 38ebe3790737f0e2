// What an attempt said, as it may leave the machine: its output and its reason lie in Redis and are shown on every node. Pure.
import type { Partition } from "../partition/partition.ts";
import type { Redact } from "../redact/redact.ts";
import type { AttemptEnd, Stream } from "../stream/stream.ts";

/** A partition to which nothing is told but redacted. */
export function withRedaction(partition: Partition, redact: Redact): Partition {
  const { stream } = partition;
  const ended = (end: AttemptEnd): AttemptEnd => ({
    ...end,
    stdout: redact(end.stdout),
    stderr: redact(end.stderr),
    reason: end.reason === null ? null : redact(end.reason),
  });
  type Settle = Parameters<Stream["settle"]>;
  const nextOf = (next: Settle[3]): Settle[3] =>
    "reason" in next && next.reason !== null ? { ...next, reason: redact(next.reason) } : next;
  const after = (aftermath: Settle[4]): Settle[4] => ({
    ...aftermath,
    events: aftermath.events.map((event) => ({ ...event, data: redact(event.data) })),
  });
  return {
    ...partition,
    stream: {
      ...stream,
      settle: (id, number, end, next, aftermath) =>
        stream.settle(id, number, ended(end), nextOf(next), after(aftermath)),
      settleAtOnce: (ids, end, next, aftermath) => stream.settleAtOnce(ids, ended(end), nextOf(next), after(aftermath)),
    },
  };
}
