// What is said of a consumer file that is wrong, as rows of a table: shared by the tests of keys and of actions.
import { parseConsumer } from "../src/config/consumer.ts";

/** The first line of every file in the tables. */
export const ON = 'on = ["PostToolUse"]\n';

/** Each row: the file after its first line, and all that is said of it. */
export type Row = [sentence: string, text: string, said: string[]];

/** Everything that is wrong with a file; a file that is well is an error of the test. */
export function errorsOf(text: string, secrets: Record<string, string> = {}): string[] {
  const reading = { name: "lint", path: "/h/lint.toml", label: "lint.toml", userHome: "/home/dev", secrets };
  const loaded = parseConsumer(text, reading);
  if (loaded.kind === "ok") throw new Error(`nothing was wrong with ${text}`);
  return loaded.errors;
}
