// `offhook uninstall-service`: ends the service and takes its file away. Leaves the home, its events and consumers alone.
import { noMoreThan, parse } from "../cli/args.ts";
import { flush, print } from "../cli/print.ts";
import { EXIT } from "../errors.ts";
import { leaving, uninstall } from "../service/service.ts";

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parse("uninstall-service", argv, {
    system: { type: "boolean" },
    "dry-run": { type: "boolean" },
    json: { type: "boolean" },
  });
  noMoreThan("uninstall-service", positionals, 0);
  const wish = values.system ? "system" : null;
  const isDry = values["dry-run"] ?? false;
  const { removed, commands } = isDry ? await leaving(wish) : await uninstall(wish);
  if (values.json) print(JSON.stringify({ removed, commands, dryRun: isDry }));
  else if (removed.length === 0) print("No service of offhook is installed.");
  else {
    for (const argv of commands) print(`${isDry ? "would run" : "ran"}: ${argv.join(" ")}`);
    for (const path of removed) print(`${isDry ? "would remove" : "removed"}: ${path}`);
    if (!isDry) print("The service is gone. What is published now waits in the spool; by hand: offhook consume");
  }
  flush();
  return EXIT.ok;
}
