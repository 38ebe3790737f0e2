// `offhook resume NAME`: a paused consumer goes on where it was.
import { oneName } from "../cli/args.ts";
import { count, flush, print } from "../cli/print.ts";
import { homeForLooking, wantedHome } from "../config/paths.ts";
import { carryOut } from "../daemon/carry-out.ts";
import { gather, standstillOf } from "../daemon/status.ts";
import { EXIT } from "../errors.ts";
import { clusterHomeOf, setPausedInCluster } from "./in-cluster.ts";

export async function run(argv: string[]): Promise<number> {
  const name = oneName("resume", "consumer", argv);
  const home = homeForLooking();
  const ofCluster = await setPausedInCluster(clusterHomeOf(home), name, "resume");
  const { paused, lag, pending } = ofCluster ?? (await carryOut(home, { kind: "resume", consumer: name }));
  const parts = [
    lag > 0 ? `${count(lag, "event")} to decide on` : "",
    pending > 0 ? `${count(pending, "delivery", "deliveries")} to do` : "",
  ];
  const waiting = parts.filter(Boolean).join(", ") || "nothing waits";
  print(paused ? `${name} goes on: ${waiting}.` : `${name} was not paused.`);
  // In a cluster its owners have answered, so that it moves.
  const still = ofCluster === null ? standstillOf(await gather(home, wantedHome(), Date.now()), name) : null;
  if (still !== null) print(`But ${still}`);
  flush();
  return EXIT.ok;
}
