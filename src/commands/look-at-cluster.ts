// The cluster of a home beside the state of its node, for `status` and `cluster nodes`. Never waits long, and never fails because of
// Redis: what cannot be seen says why.

import { pathsOf } from "../config/paths.ts";
import type { Gathered, Status } from "../daemon/status.ts";
import { EXIT, messageOf, OffhookError } from "../errors.ts";
import type { Here, Seen } from "../fleet/picture.ts";
import { openInspection } from "../ledger/inspect.ts";
import { type ClusterHome, clusterFiles, openCluster } from "./in-cluster.ts";
import { withCluster } from "./status-cluster.ts";

/** How long Redis may take to be there, and to tell everything, in ms. */
const CONNECT_MS = 1_500;
const LOOK_MS = 2_000;

/** A node's state with its cluster's; `gathered` may be under way still. */
export async function lookAtCluster(at: ClusterHome, gathered: Promise<Gathered>): Promise<Status> {
  const [{ status, answer }, seen] = await Promise.all([gathered, seeCluster(at)]);
  const files = clusterFiles(at);
  const here: Here = {
    node: at.node,
    addresses: at.cluster.urls,
    cap: at.cluster.cap,
    daemon: answer?.cluster ?? null,
    unsent: answer?.cluster?.forward.lag ?? unsentIn(at),
    files,
  };
  const { pictureOf, unseenPicture } = await import("../fleet/picture.ts");
  const picture = typeof seen === "string" ? unseenPicture(here, seen) : pictureOf(here, seen);
  const known = new Set(picture.consumers.map((one) => one.name));
  // A broken file does not say whose it is, and one that is gone says nothing: the latter's row is this node's own, of before.
  const isOfCluster = ({ name, state }: Status["consumers"][number]) =>
    files.has(name) || (known.has(name) && (state === "broken" || state === "stale"));
  return withCluster(status, picture, isOfCluster);
}

/** What the ledger has that was not sent, where no daemon says so. */
function unsentIn({ home }: ClusterHome): number {
  const inspection = openInspection(pathsOf(home).ledger);
  const lag = inspection?.forwarding(Date.now())?.lag ?? 0;
  inspection?.close();
  return lag;
}

/** What Redis tells, or why it does not. */
async function seeCluster(at: ClusterHome): Promise<Seen | string> {
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve(`Redis does not tell everything within ${LOOK_MS / 1000} s`), LOOK_MS);
  try {
    return await Promise.race([lookThrough(at), late.promise]);
  } catch (error) {
    if (error instanceof OffhookError) return error.cause instanceof Error ? error.cause.message : error.message;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function lookThrough(at: ClusterHome): Promise<Seen> {
  const session = await openCluster(at, CONNECT_MS);
  const { lookAround } = await import("../fleet/look.ts");
  const { asOffhookError } = await import("../fleet/session.ts");
  try {
    return await lookAround(session.connection, session.keys);
  } catch (error) {
    const known = asOffhookError(error);
    // An answer that is none of ours: somebody else's data under our prefix, or a newer offhook's.
    throw known instanceof OffhookError
      ? known
      : new OffhookError(EXIT.failed, `what Redis has cannot be read: ${messageOf(error)}`);
  } finally {
    session.close();
  }
}
