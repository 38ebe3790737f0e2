// Cases beside each other: so many lanes, each takes the next case when it is done with one.

/** Runs case 0 to count - 1, `atOnce` at a time, until the signal says stop; one that throws stops all and is thrown. */
export async function inLanes(
  { count, atOnce, signal }: { count: number; atOnce: number; signal: AbortSignal },
  run: (number: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let isBroken = false;
  const lane = async () => {
    while (next < count && !signal.aborted && !isBroken) {
      try {
        await run(next++);
      } catch (error) {
        isBroken = true;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: Math.min(atOnce, count) }, lane));
  for (const one of ended) if (one.status === "rejected") throw one.reason;
}
