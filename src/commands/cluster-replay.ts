// `offhook replay` of a consumer of the cluster: the events are those that Redis still has, the file is this node's.
import { flush, print } from "../cli/print.ts";
import { type Replayed, type Selection, selectionTest } from "../daemon/replay.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { realPathFinder } from "../event/project.ts";
import { type ClusterHome, clusterFiles, type Found } from "./in-cluster.ts";

/** `events`: ids or seqs that a person typed; undefined: whatever the selection says. */
export type Order = { name: string; selection: Selection; events: readonly string[] | undefined; dryRun: boolean };

/** Replays, and shows what that came to. Errors: no event of that id (66), this node cannot say what the consumer wants (78), no owner answers (75); those of Redis. */
export async function replayThere(
  at: ClusterHome,
  { session, record }: Found,
  { name, selection, events, dryRun }: Order,
  show: (made: Replayed) => void,
): Promise<void> {
  const { connection, keys } = session;
  const { checkReplay, PATIENCE_MS } = await import("../fleet/changing.ts");
  const { findSharedEvent } = await import("../fleet/find.ts");
  const { replayInCluster } = await import("../fleet/replay.ts");
  const consumer = clusterFiles(at).get(name);
  if (consumer === undefined)
    throw new OffhookError(
      EXIT.config,
      `this node has no well file of ${name}, which says what it wants`,
      "replay it on a node that has consumers/".concat(`${name}.toml`),
    );
  if (consumer.hash !== record.hash)
    throw new OffhookError(
      EXIT.config,
      `the file of ${name} here is not the one that the cluster runs`,
      "make the files the same everywhere, or replay it on a node that owns it: offhook status",
    );
  if (!consumer.enabled)
    throw new OffhookError(EXIT.config, `${name} is switched off (enabled = false in its file)`, "switch it on first");
  const seqs: number[] = [];
  for (const text of events ?? []) {
    const event = await findSharedEvent(connection, keys, text);
    if (event === null)
      throw new OffhookError(
        EXIT.notFound,
        `no event in Redis ends in "${text}"`,
        "ids and seqs are in: offhook events --cluster --json",
      );
    seqs.push(event.seq);
  }
  const { fromSeq, throughSeq, sinceMs, session: ofSession } = selection;
  const made = await replayInCluster(connection, keys, {
    consumer,
    record,
    filter: { afterSeq: (fromSeq ?? 1) - 1, throughSeq, sinceMs, session: ofSession, wants: selectionTest(selection) },
    seqs: events === undefined ? null : seqs,
    dryRun,
    timeoutMs: PATIENCE_MS,
    realPath: realPathFinder({ now: Date.now }),
  });
  checkReplay(name, made);
  const { deliveries, events: number, ids, first, undecided, paused } = made;
  show({ deliveries, events: number, ids, first, undecided });
  if (paused && deliveries > 0) print(`They wait: ${name} is paused. Go on: offhook resume ${name}`);
  flush();
}
