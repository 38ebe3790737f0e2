// The end of what runs, when the daemon ends.

/** Something that has attempts under way. */
export type Draining = {
  /** Begins nothing more; ends when running attempts have ended by themselves. */
  stop(): Promise<unknown>;
  /** Ends running attempts; their deliveries are ready again. */
  endRunning(): void;
};

/** Lets running attempts end by themselves until `patience` is over, then ends them. */
export async function drain(
  parts: readonly Draining[],
  patience: Promise<unknown>,
  log: (line: string) => void,
): Promise<void> {
  const ended = Promise.all(parts.map((part) => part.stop()));
  if (await Promise.race([ended.then(() => true), patience.then(() => false)])) return;
  for (const part of parts) part.endRunning();
  log("ending what still runs; it is ready again at the next start");
  await ended;
}
