// `offhook cluster`: the machines that share a Redis. ping asks each of its addresses, nodes shows who is there, forget takes away the
// record of a node that is gone for good.
import { noMoreThan, parse } from "../cli/args.ts";
import { count, duration, flush, oneLine, print, printNote } from "../cli/print.ts";
import { nearest } from "../config/nearest.ts";
import { homeForLooking, wantedHome } from "../config/paths.ts";
import { gatherAll } from "../daemon/status.ts";
import { EXIT, type ExitCode, OffhookError } from "../errors.ts";
import { version } from "../version.ts";
import { type ClusterHome, inCluster, wantedCluster } from "./in-cluster.ts";
import { lookAtCluster } from "./look-at-cluster.ts";
import { nodeTable, ofRecords, ownedText } from "./status-cluster.ts";

const VERBS = ["ping", "nodes", "forget"];

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parse("cluster", argv, { json: { type: "boolean" } });
  const [verb, ...names] = positionals;
  const json = values.json === true;
  switch (verb) {
    case "ping": {
      noMoreThan("cluster", positionals, 1);
      const { ping } = await import("./cluster-ping.ts");
      return ended(await ping(wantedCluster(homeForLooking()), json));
    }
    case "nodes":
      noMoreThan("cluster", positionals, 1);
      return ended(await nodes(wantedCluster(homeForLooking()), json));
    case "forget": {
      const [name] = names;
      if (name === undefined) throw usage("forget which node? Their names are in: offhook cluster nodes");
      noMoreThan("cluster", positionals, 2);
      return ended(await forget(wantedCluster(homeForLooking()), name, json));
    }
    case undefined:
      throw usage(`one of ${VERBS.join(", ")}`);
    default: {
      const meant = nearest(verb, VERBS);
      throw new OffhookError(
        EXIT.usage,
        `cluster: no "${verb}" among ${VERBS.join(", ")}`,
        meant === null ? "offhook cluster --help" : `offhook cluster ${meant}`,
      );
    }
  }
}

function ended(code: ExitCode): ExitCode {
  flush();
  return code;
}

async function nodes(at: ClusterHome, json: boolean): Promise<ExitCode> {
  const { cluster } = await lookAtCluster(at, gatherAll(at.home, wantedHome(), Date.now()));
  if (cluster === undefined || cluster.unseen !== null) {
    // Once more for the error with its own exit code: what was seen a moment ago is only words.
    await inCluster(at, async () => undefined);
    throw new OffhookError(EXIT.noDaemon, cluster?.unseen ?? "Redis does not answer", "offhook cluster ping");
  }
  for (const one of ofRecords(cluster)) printNote(oneLine(one));
  if (json) for (const node of cluster.nodes) print(JSON.stringify(node));
  else if (cluster.nodes.length === 0) print("No node has told of itself yet. Start one: offhook consume");
  else {
    for (const line of nodeTable(cluster.nodes, version)) print(line);
    const owners = cluster.nodes.filter((one) => one.owned.length > 0);
    if (owners.length > 0) print("");
    for (const { name, owned } of owners) print(`${oneLine(name)} owns ${ownedText(owned)}`);
  }
  return EXIT.ok;
}

async function forget(at: ClusterHome, name: string, json: boolean): Promise<ExitCode> {
  const { forgotten, names } = await inCluster(at, async ({ connection, keys }) => {
    const { forgetNode } = await import("../cluster/forget.ts");
    const { readFacts } = await import("../fleet/look.ts");
    const names = (await readFacts(connection, keys)).nodes.map((node) => node.name).sort();
    return { names, forgotten: await forgetNode(connection, keys, name) };
  });
  switch (forgotten.kind) {
    case "unknown":
      throw new OffhookError(
        EXIT.notFound,
        `no node "${name}" in this cluster`,
        names.length > 0 ? `there are: ${names.join(", ")}` : "offhook cluster nodes",
      );
    case "alive":
      throw new OffhookError(
        EXIT.busy,
        `${name} is alive: it would be there again in a moment`,
        `end its daemon first, then: offhook cluster forget ${name}`,
      );
    case "forgotten": {
      const { seenMs, forward } = forgotten.record;
      if (json) print(JSON.stringify({ forgotten: name, seenAt: new Date(seenMs).toISOString(), unsent: forward.lag }));
      else {
        print(`${oneLine(name)} is forgotten. It was seen last ${duration(Math.max(0, Date.now() - seenMs))} ago.`);
        print("Its events stay. Should its ledger come back, it goes on where it was.");
        if (forward.lag > 0)
          print(`${count(forward.lag, "event")} of it had not been sent: they are in its ledger only.`);
      }
      return EXIT.ok;
    }
    default:
      return forgotten satisfies never;
  }
}

function usage(what: string): OffhookError {
  return new OffhookError(EXIT.usage, `cluster: ${what}`, "offhook cluster --help");
}
