// `offhook forget NAME`: what the ledger has of a consumer whose file is gone, its place in the stream included. One of the cluster is
// forgotten there, once no node has its file.
import { oneName } from "../cli/args.ts";
import { count, flush, print } from "../cli/print.ts";
import { homeForLooking } from "../config/paths.ts";
import { carryOut } from "../daemon/carry-out.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { clusterHomeOf, type Found, findToForget, isInLedger, withFound } from "./in-cluster.ts";

/** How long it may take until a node has told the others that a file is gone, and until it has given back what it owned. */
const TOLD_MS = 2_500;
const GIVEN_BACK_MS = 5_000;
const AGAIN_MS = 200;

type Gone = { pending: number; dead: number; skipped: number };

export async function run(argv: string[]): Promise<number> {
  const name = oneName("forget", "consumer", argv);
  const home = homeForLooking();
  const at = clusterHomeOf(home);
  const found = at === null ? null : await findToForget(at, name);
  // It may have been this node's own once, and the cluster's later.
  const isInBoth = at !== null && found !== null && isInLedger(at, name);
  const inCluster = found === null ? null : await withFound(found, () => forgetThere(found, name, isInBoth));
  const isHere = inCluster === null || isInBoth;
  const here: Gone = isHere
    ? await carryOut(home, { kind: "forget", consumer: name })
    : { pending: 0, dead: 0, skipped: 0 };
  const sum = (of: keyof Gone) => here[of] + (inCluster?.[of] ?? 0);
  const gone = [
    sum("pending") > 0 ? `${count(sum("pending"), "delivery", "deliveries")} that it had not done` : "",
    sum("dead") > 0 ? count(sum("dead"), "dead letter") : "",
    sum("skipped") > 0 ? count(sum("skipped"), "skip") : "",
  ].filter(Boolean);
  const where = inCluster === null ? "" : " by the whole cluster";
  print(
    `${name} is forgotten${where}${gone.length > 0 ? `, with ${gone.join(", ")}` : ""}. A file of that name begins anew.`,
  );
  flush();
  return EXIT.ok;
}

/** What went; null: it is in use on other nodes, and only what this node's own ledger has of it is to go. */
async function forgetThere({ session, record }: Found, name: string, isInBoth: boolean): Promise<Gone | null> {
  const { forgetConsumer } = await import("../cluster/forget.ts");
  const { openPartitions } = await import("../fleet/look.ts");
  const { connection, keys } = session;
  const gone: Gone = { pending: 0, dead: 0, skipped: 0 };
  for await (const { inspection, close } of openPartitions(connection, keys, new Map([[name, record]]))) {
    for (const group of inspection.groups(Date.now()))
      for (const of of ["pending", "dead", "skipped"] as const) gone[of] += group[of];
    close();
  }
  for (const began = performance.now(); ; await Bun.sleep(AGAIN_MS)) {
    const result = await forgetConsumer(connection, keys, name, record.partitions);
    if (result.kind === "forgotten" || result.kind === "unknown") return gone;
    // The file may have been taken away a moment ago.
    const patienceMs = result.kind === "owned" ? GIVEN_BACK_MS : TOLD_MS;
    if (performance.now() - began < patienceMs) continue;
    if (isInBoth) return null;
    const nodes = result.nodes.join(", ");
    if (result.kind === "owned")
      throw new OffhookError(
        EXIT.busy,
        `${nodes} owns a partition of ${name} still, where something may run`,
        "wait until it is given back (offhook status), then try again",
      );
    throw new OffhookError(
      EXIT.config,
      `${name} has its file still, on ${nodes}: consumers/${name}.toml`,
      `remove the file there first, then: offhook forget ${name}`,
    );
  }
}
