// `offhook null`, not in the list of commands: the control that `offhook bench` times beside publish, in the same binary.
import { readAndParse } from "../bench/control.ts";
import { EXIT } from "../errors.ts";

export function run(): number {
  readAndParse();
  return EXIT.ok;
}
