// The queue of a group, as SQL: its oldest pending delivery is found by a look into the index per state and head, however many
// deliveries wait and however many are settled before them.

/** The states of a delivery that is not settled. */
export const PENDING = ["held", "ready", "running", "backoff"] as const;

/** An SQL expression: the smallest ordinal among a group's pending deliveries, or null; `consumer` is an expression too. */
export function firstPending(consumer: string): string {
  const looks = PENDING.flatMap((state) =>
    [0, 1].map(
      (head) => `
      SELECT min(ordinal) AS ordinal FROM deliveries
      WHERE consumer = ${consumer} AND state = '${state}' AND head = ${head} AND settled_ms IS NULL`,
    ),
  );
  return `(SELECT min(ordinal) FROM (${looks.join(" UNION ALL ")}))`;
}
