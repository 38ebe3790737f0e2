// `offhook null`, not in the list of commands: the control that `offhook bench` times beside publish, in the same binary.

import { EXIT } from "../errors.ts";
import { readAndParse } from "../measure/control.ts";

export function run(): number {
  readAndParse();
  return EXIT.ok;
}
