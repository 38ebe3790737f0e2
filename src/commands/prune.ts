// `offhook prune`: lets go of what was settled long ago. What is still to do stays, and so do dead letters.
import { ageOption, noMoreThan, parse } from "../cli/args.ts";
import { count, duration, flush, print } from "../cli/print.ts";
import { ensureNodeConfig } from "../config/node.ts";
import { homeForLooking, pathsOf } from "../config/paths.ts";
import { carryOut } from "../daemon/carry-out.ts";
import { EXIT } from "../errors.ts";
import { prunable } from "../ledger/prunable.ts";

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parse("prune", argv, {
    json: { type: "boolean" },
    "dry-run": { type: "boolean" },
    "older-than": { type: "string" },
  });
  noMoreThan("prune", positionals, 0);
  const asked = ageOption("prune", "older-than", values["older-than"]);
  const home = homeForLooking();
  const dryRun = values["dry-run"] === true;
  const olderThanMs = asked ?? (home === null ? 0 : ensureNodeConfig(home).retention.ageMs);
  const beforeMs = Date.now() - olderThanMs;
  // What would go is only looked at; nobody has to be asked for that.
  const wouldGo = home === null ? null : prunable(pathsOf(home).ledger, beforeMs);
  const pruned = dryRun || wouldGo === null ? wouldGo : await carryOut(home, { kind: "prune", beforeMs });
  if (values.json) {
    const { events, deliveries } = pruned ?? { events: 0, deliveries: 0 };
    print(JSON.stringify({ dryRun, before: new Date(beforeMs).toISOString(), events, deliveries }));
  } else if (pruned === null) {
    print("Nothing to prune: no daemon has run in this home.");
  } else {
    const what = `${count(pruned.deliveries, "delivery", "deliveries")} and ${count(pruned.events, "event")}`;
    const when = olderThanMs === 0 ? "settled by now" : `settled more than ${duration(olderThanMs)} ago`;
    print(dryRun ? `Would let go of ${what}, ${when}. Nothing was done.` : `Let go of ${what}, ${when}.`);
    print("What is still to do stays, and so do dead letters and their events.");
  }
  flush();
  return EXIT.ok;
}
