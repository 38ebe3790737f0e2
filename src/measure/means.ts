// What every measurement of `offhook bench` is given, and how it says how far it is.
import type { Part } from "../report/shape.ts";
import type { Scratch } from "./scratch.ts";

export type Means = {
  /** The compiled program to measure. Absolute. */
  offhook: string;
  scratch: Scratch;
  /** JSON lines of recorded payloads. */
  recorded: string;
  /** Called often, cheap: it is drawn as one line. */
  progress(step: Step): void;
};

/** `done` of `of` steps of a part; `doing` in a few words: "publish, python, cat in turns". */
export type Step = { part: Part; done: number; of: number; doing: string };
