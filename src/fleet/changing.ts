// What people change of a consumer of the cluster: asked of every partition that it concerns, and put together for them. What no
// owner has answered stays asked for, which is said as an error.

import type { Place, Request, RequestAnswer } from "../cluster/requests.ts";
import { EXIT, OffhookError } from "../errors.ts";
import type { GroupState } from "../ledger/group-state.ts";
import type { Keys } from "../partition/keys.ts";
import type { Connection } from "../redis/connection.ts";
import { ask } from "./ask.ts";
import type { ReplayedInCluster } from "./replay.ts";

/** How long a command waits for the owner of a partition, in ms: longer than it takes until a dead one's are taken over. */
export const PATIENCE_MS = 15_000;

/**
 * What owners did. Counts are of all partitions together; of an owner that was gone before it could say how many, all that were asked
 * for. `paused`: all of them were; `pausedOnes`: consumers of which that is so.
 */
export type Changed = { count: number; ids: string[]; pausedOnes: string[] } & Pick<
  GroupState,
  "paused" | "lag" | "pending" | "running"
>;

/** Has changes carried out. Errors: no owner answered in time and it stays asked for (75), an owner refuses (75); those of Redis. */
export async function change(
  connection: Connection,
  keys: Keys,
  requests: readonly { place: Place; request: Request }[],
  timeoutMs = PATIENCE_MS,
): Promise<Changed> {
  const answers = await ask(connection, keys, requests, timeoutMs);
  const silent = requests.flatMap(({ place }, at) => (answers[at] === null ? [place] : []));
  if (silent.length > 0) throw notAnswered(silent, requests.length, timeoutMs);
  const done = answers.flatMap((answer, at) => {
    if (answer?.kind !== "done") return [];
    const request = requests[at]?.request;
    const isKnown = !answer.repeated || request === undefined || !("deliveries" in request);
    return [isKnown ? answer : { ...answer, count: request.deliveries.length }];
  });
  const refused = answers.find((answer): answer is RequestAnswer & { kind: "refused" } => answer?.kind === "refused");
  if (refused !== undefined) throw wasRefused(refused.why);
  const groups = done.flatMap((answer) => answer.group ?? []);
  const sum = (of: "pending" | "running") => groups.reduce((all, one) => all + one[of], 0);
  return {
    count: done.reduce((all, one) => all + one.count, 0),
    ids: done.flatMap((one) => one.ids),
    paused: groups.length > 0 && groups.every((one) => one.paused),
    pausedOnes: Array.from(Map.groupBy(groups, (one) => one.consumer)).flatMap(([name, its]) =>
      its.every((one) => one.paused) ? [name] : [],
    ),
    lag: Math.max(0, ...groups.map((one) => one.lag)),
    pending: sum("pending"),
    running: sum("running"),
  };
}

/** The same request for every partition of a consumer. */
export function ofAll(consumer: string, partitions: number, request: Request): { place: Place; request: Request }[] {
  return Array.from({ length: partitions }, (_, partition) => ({ place: { consumer, partition }, request }));
}

/** Throws where a replay was not carried out whole. Errors: as of `change`. */
export function checkReplay(consumer: string, { refused, unanswered, ids }: ReplayedInCluster): void {
  if (refused !== null) throw wasRefused(refused);
  if (unanswered === 0) return;
  throw new OffhookError(
    EXIT.busy,
    `no owner of ${consumer} has answered within ${PATIENCE_MS / 1000} s: ${unanswered} of ${ids.length + unanswered} deliveries are asked for, and made by whoever takes it next`,
    "offhook status says who owns what; do not ask again for the same",
  );
}

function notAnswered(silent: readonly Place[], of: number, timeoutMs: number): OffhookError {
  const names = silent.map(({ consumer, partition }) => `${consumer}/${partition}`);
  const shown = names.length > 5 ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} more` : names.join(", ");
  const rest = of > silent.length ? ` (${of - silent.length} of ${of} partitions have done it)` : "";
  return new OffhookError(
    EXIT.busy,
    `no owner of ${shown} has answered within ${timeoutMs / 1000} s${rest}: it stays asked for, and whoever takes it next does it`,
    "offhook status says who owns what; do not ask again for the same",
  );
}

function wasRefused(why: string): OffhookError {
  return new OffhookError(EXIT.busy, `an owner could not do it: ${why}`, "offhook cluster nodes");
}
