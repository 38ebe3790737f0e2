// What a change is given by whoever carries it out: the daemon, or a command that holds the lock itself.
import type { Consumer } from "../config/schema.ts";
import type { Inspection } from "../ledger/inspect.ts";
import type { Stream } from "../stream/stream.ts";

export type ChangeDeps = {
  stream: Stream;
  /** Opens the ledger for looking; what it gives is closed here. */
  inspect(): Inspection | null;
  /** The consumer of a name as it runs; null where its file is broken or gone. */
  consumerNamed(name: string): Consumer | null;
  /** Names of all consumer files, well or broken. */
  fileNames(): readonly string[];
  /** Whether config.toml switches a consumer off. */
  isOff(consumer: string): boolean;
  /** Whether anything of a consumer runs in this process. */
  isRunning(consumer: string): boolean;
  /** A path without links. */
  realPath(path: string): string;
  /** Wall time in ms since 1970. */
  now(): number;
  /** Told when it has changed where a group stands. */
  reopen(consumer: string): void;
  /** Told when a group is no more. */
  forgotten(consumer: string): void;
  /** Told when there may be something to start. */
  advance(): void;
};
