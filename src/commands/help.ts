// `offhook help [COMMAND]`, and the answer to a command that is not there.
import { helpText } from "../cli/help.ts";
import { flush, print } from "../cli/print.ts";
import { nearest } from "../config/nearest.ts";
import { EXIT, OffhookError } from "../errors.ts";

/** Prints the help of one command, or of all. `known` are the commands. Errors: there is none of that name (64). */
export function run(argv: string[], known: readonly string[]): number {
  const [name = null] = argv;
  if (name !== null && !known.includes(name)) {
    const meant = nearest(name, known);
    throw new OffhookError(
      EXIT.usage,
      `unknown command ${JSON.stringify(name)}`,
      meant === null ? "offhook help" : `offhook ${meant}`,
    );
  }
  print(helpText(name));
  flush();
  return EXIT.ok;
}
