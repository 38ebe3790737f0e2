// Where deliveries are looked for: this node's ledger and, in a cluster, every partition of its consumers. Who opens them closes them.
// Where Redis cannot be looked at, the ledger alone is shown and `unseen` says why.
import { printNote } from "../cli/print.ts";
import type { Place } from "../cluster/requests.ts";
import { pathsOf } from "../config/paths.ts";
import { EXIT, type ExitCode, OffhookError } from "../errors.ts";
import { type Inspection, openInspection } from "../ledger/inspect.ts";
import { type ClusterHome, clusterHomeOf, inCluster, whoseByFile } from "./in-cluster.ts";

/** One ledger that is open for looking; `place`: the partition that it is of, null: this node's own. */
export type Shelf = { place: Place | null; inspection: Inspection };

export type Shelves = {
  all: Shelf[];
  /** Consumers that are known, of this node and of the cluster. */
  names: string[];
  /** The cluster that was looked at; null: there is none. */
  at: ClusterHome | null;
  /** Why the cluster could not be looked at; null: it was, or there is none. */
  unseen: OffhookError | null;
  close(): void;
};

/** Opens what there is of a consumer (null: of all). */
export async function openShelves(home: string | null, consumer: string | null): Promise<Shelves> {
  const local = home === null ? null : openInspection(pathsOf(home).ledger);
  const all: Shelf[] = local === null ? [] : [{ place: null, inspection: local }];
  const names = local?.groups(Date.now()).map((group) => group.consumer) ?? [];
  const closes = [() => local?.close()];
  const close = () => {
    for (const one of closes) one();
  };
  const at = clusterHomeOf(home);
  if (at === null || (consumer !== null && whoseByFile(at, consumer) === "node"))
    return { all, names, at: null, unseen: null, close };
  try {
    const known = await inCluster(at, async ({ connection, keys }) => {
      const { openPartitions, readFacts } = await import("../fleet/look.ts");
      const { groups } = await readFacts(connection, keys);
      const wanted = new Map([...groups].filter(([name]) => consumer === null || name === consumer));
      for await (const { place, inspection, close } of openPartitions(connection, keys, wanted)) {
        all.push({ place, inspection });
        closes.push(close);
      }
      return groups.keys();
    });
    return { all, names: [...new Set([...names, ...known])], at, unseen: null, close };
  } catch (error) {
    if (error instanceof OffhookError) return { all, names, at, unseen: error, close };
    close();
    throw error;
  }
}

/** Says that the cluster is not among what was shown, and gives the exit code of a command that has only looked. */
export function endOfLooking({ unseen }: Shelves): ExitCode {
  if (unseen === null) return EXIT.ok;
  printNote(`The cluster cannot be seen, only this node is shown. ${unseen.message}`);
  return EXIT.failed;
}
