// `offhook pause NAME`: a consumer begins nothing more until `offhook resume NAME`. Its events wait, over restarts too.
import { oneName } from "../cli/args.ts";
import { flush, print } from "../cli/print.ts";
import { homeForLooking } from "../config/paths.ts";
import { carryOut } from "../daemon/carry-out.ts";
import { EXIT } from "../errors.ts";
import { clusterHomeOf, setPausedInCluster } from "./in-cluster.ts";

export async function run(argv: string[]): Promise<number> {
  const name = oneName("pause", "consumer", argv);
  const home = homeForLooking();
  const { paused, running } =
    (await setPausedInCluster(clusterHomeOf(home), name, "pause")) ??
    (await carryOut(home, { kind: "pause", consumer: name }));
  if (paused) print(`${name} is paused already.`);
  else print(`${name} is paused: its events wait.${running > 0 ? " What runs goes on to its end." : ""}`);
  print(`It goes on with: offhook resume ${name}`);
  flush();
  return EXIT.ok;
}
