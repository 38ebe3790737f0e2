// The cluster of a home, for commands: looked for in config.toml alone, so that a home without [cluster] loads nothing of it.
import { homedir } from "node:os";
import type { GroupRecord } from "../cluster/nodes.ts";
import type { Place } from "../cluster/requests.ts";
import type { ClusterConfig } from "../config/cluster.ts";
import { consumerNames, loadConsumers } from "../config/load.ts";
import { ensureNodeConfig, isClusteredHome } from "../config/node.ts";
import { pathsOf } from "../config/paths.ts";
import type { Consumer } from "../config/schema.ts";
import { loadSecrets } from "../config/secrets.ts";
import { EXIT, OffhookError } from "../errors.ts";
import type { Changed } from "../fleet/changing.ts";
import type { SharedDelivery } from "../fleet/outcomes.ts";
import type { Session } from "../fleet/session.ts";
import { type DeliveryFilter, openInspection } from "../ledger/inspect.ts";

/** A home that belongs to a cluster. */
export type ClusterHome = { home: string; node: string; cluster: ClusterConfig };

/** How long a command waits for Redis to be there, in ms. */
const CONNECT_MS = 3_000;

/** The cluster that a home belongs to; null: none, or config.toml is not well, which status tells of. */
export function clusterHomeOf(home: string | null): ClusterHome | null {
  if (home === null || !isClusteredHome(home)) return null;
  try {
    const { name, cluster } = ensureNodeConfig(home);
    return cluster === null ? null : { home, node: name, cluster };
  } catch (error) {
    if (error instanceof OffhookError) return null;
    throw error;
  }
}

/** The same for a command that needs it. Error: there is none (78). */
export function wantedCluster(home: string | null): ClusterHome {
  const found = home === null || !isClusteredHome(home) ? null : ensureNodeConfig(home);
  if (home !== null && found !== null && found.cluster !== null)
    return { home, node: found.name, cluster: found.cluster };
  throw new OffhookError(
    EXIT.config,
    "this home belongs to no cluster: config.toml has no [cluster]",
    "offhook setup --cluster writes and checks it",
  );
}

/** Opens the cluster of a home; who opens it closes it. Errors: Redis cannot be reached (69), is not ready (75), refuses (78). */
export async function openCluster({ home, cluster }: ClusterHome, timeoutMs = CONNECT_MS): Promise<Session> {
  const { openSession } = await import("../fleet/session.ts");
  return openSession(cluster, loadSecrets(home).values, homedir(), timeoutMs);
}

/** Works with the cluster of a home, and closes it afterwards. Errors: those of openCluster and of the work. */
export async function inCluster<T>(at: ClusterHome, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await openCluster(at);
  try {
    return await work(session);
  } catch (error) {
    throw await forPeople(error);
  } finally {
    session.close();
  }
}

/** The well consumer files of this node that are of scope cluster, by name. */
export function clusterFiles({ home }: ClusterHome): Map<string, Consumer> {
  const { consumers } = loadConsumers(home, loadSecrets(home));
  return new Map(consumers.filter((one) => one.scope === "cluster").map((one) => [one.name, one]));
}

/** Whose a consumer is, as the files of this node tell: unknown where there is none, or a broken one. */
export function whoseByFile({ home }: ClusterHome, name: string): "node" | "cluster" | "unknown" {
  const file = loadConsumers(home, loadSecrets(home)).consumers.find((one) => one.name === name);
  return file?.scope ?? "unknown";
}

/** Whether this node has a file of that name, well or broken. */
export function hasFile({ home }: ClusterHome, name: string): boolean {
  return consumerNames(home).includes(name);
}

/** Whether this node's ledger has a group of that name. */
export function isInLedger({ home }: ClusterHome, name: string): boolean {
  const inspection = openInspection(pathsOf(home).ledger);
  const found = inspection?.groups(Date.now()).some((group) => group.consumer === name) ?? false;
  inspection?.close();
  return found;
}

/** A consumer of the cluster, and the way to it; who got it closes the session. */
export type Found = { session: Session; record: GroupRecord };

/**
 * The consumer of that name in the cluster of a home; null: the name is this node's own, or nobody's. A file here says whose it is;
 * without one it is the cluster's where that knows it. Errors: it is the cluster's by its file and not
 * there yet (66); those of openCluster.
 */
export async function findInCluster(at: ClusterHome | null, name: string): Promise<Found | null> {
  if (at === null) return null;
  const whose = whoseByFile(at, name);
  if (whose === "node") return null;
  // Without Redis what this node knows itself is still its own to change.
  const found = await lookFor(at, name, whose === "unknown" && isInLedger(at, name));
  if (found !== null || whose === "unknown") return found;
  throw new OffhookError(
    EXIT.notFound,
    `${name} has not begun in the cluster yet: no daemon has taken it up`,
    "offhook consume",
  );
}

/**
 * The same of a consumer that is to be forgotten, whatever this node's ledger has of it. Errors: its file is here still (78); those of
 * openCluster, unless the ledger has it too.
 */
export async function findToForget(at: ClusterHome, name: string): Promise<Found | null> {
  if (hasFile(at, name)) {
    if (whoseByFile(at, name) === "node") return null;
    throw new OffhookError(
      EXIT.config,
      `${name} has its file still: consumers/${name}.toml`,
      `remove the file first, on every node, then: offhook forget ${name}`,
    );
  }
  return lookFor(at, name, isInLedger(at, name));
}

/** The consumer of that name in Redis; null: there is none, or Redis cannot be asked and that may be. */
async function lookFor(at: ClusterHome, name: string, mayBeUnseen: boolean): Promise<Found | null> {
  let session: Session;
  try {
    session = await openCluster(at);
  } catch (error) {
    if (mayBeUnseen && error instanceof OffhookError) return null;
    throw error;
  }
  try {
    const { readFacts } = await import("../fleet/look.ts");
    const record = (await readFacts(session.connection, session.keys)).groups.get(name);
    if (record !== undefined) return { session, record };
  } catch (error) {
    session.close();
    throw await forPeople(error);
  }
  session.close();
  return null;
}

/** Works with what was found, and closes it. */
export async function withFound<T>({ session }: Found, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw await forPeople(error);
  } finally {
    session.close();
  }
}

/** Pauses or resumes a consumer of the cluster; null: it is none. Errors: those of findInCluster; an owner does not answer (75). */
export async function setPausedInCluster(
  at: ClusterHome | null,
  name: string,
  kind: "pause" | "resume",
): Promise<Changed | null> {
  const found = await findInCluster(at, name);
  if (found === null) return null;
  const { session, record } = found;
  return withFound(found, async () => {
    const { change, ofAll } = await import("../fleet/changing.ts");
    const { lagIn } = await import("../fleet/look.ts");
    const lag = await lagIn(session.connection, session.keys, name, record);
    return { ...(await change(session.connection, session.keys, ofAll(name, record.partitions, { kind }))), lag };
  });
}

/**
 * Retries or deletes dead letters of the cluster; gives how many were dead still, and which consumers are paused. Errors: those of
 * openCluster; an owner does not answer (75).
 */
export async function changeDead(
  at: ClusterHome,
  kind: "retry-dead" | "purge-dead",
  letters: readonly { place: Place; id: string }[],
): Promise<{ count: number; paused: string[] }> {
  return inCluster(at, async ({ connection, keys }) => {
    const { change } = await import("../fleet/changing.ts");
    const byPlace = Map.groupBy(letters, ({ place }) => `${place.consumer}/${place.partition}`);
    const requests = [...byPlace.values()].flatMap((its) => {
      const place = its[0]?.place;
      return place === undefined ? [] : [{ place, request: { kind, deliveries: its.map(({ id }) => id) } }];
    });
    const done = await change(connection, keys, requests);
    return { count: done.count, paused: done.pausedOnes };
  });
}

/** Settled deliveries of the cluster that a filter wants, oldest first; with a limit the last ones. Errors: those of openCluster. */
export async function settledInCluster(at: ClusterHome, filter: DeliveryFilter): Promise<SharedDelivery[]> {
  return inCluster(at, async ({ connection, keys }) => {
    const { readFacts } = await import("../fleet/look.ts");
    const { outcomesOf } = await import("../fleet/outcomes.ts");
    const { groups } = await readFacts(connection, keys);
    return outcomesOf(connection, keys, groups, filter);
  });
}

async function forPeople(error: unknown): Promise<unknown> {
  const { asOffhookError } = await import("../fleet/session.ts");
  return asOffhookError(error);
}
