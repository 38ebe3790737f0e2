// The pinned control of the benchmark as a program: what a Bun hook costs that does nothing. Built with offhook's own build line.
import { readAndParse } from "./control.ts";

readAndParse();
process.exit(0);
