// `offhook forget NAME`: what the ledger has of a consumer whose file is gone, its place in the stream included.
import { oneName } from "../cli/args.ts";
import { count, flush, print } from "../cli/print.ts";
import { homeForLooking } from "../config/paths.ts";
import { carryOut } from "../daemon/carry-out.ts";
import { EXIT } from "../errors.ts";

export async function run(argv: string[]): Promise<number> {
  const name = oneName("forget", "consumer", argv);
  const { pending, dead, skipped } = await carryOut(homeForLooking(), { kind: "forget", consumer: name });
  const gone = [
    pending > 0 ? `${count(pending, "delivery", "deliveries")} that it had not done` : "",
    dead > 0 ? count(dead, "dead letter") : "",
    skipped > 0 ? count(skipped, "skip") : "",
  ].filter(Boolean);
  print(`${name} is forgotten${gone.length > 0 ? `, with ${gone.join(", ")}` : ""}. A file of that name begins anew.`);
  flush();
  return EXIT.ok;
}
