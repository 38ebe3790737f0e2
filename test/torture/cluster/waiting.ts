// Waiting for what is asked of something outside (Redis, a log, a ledger), so also for promises; node.ts waits for the rest.

/** Waits until it is so, looking every `everyMs`; false: not in time, or the signal came. */
export async function within(
  limitMs: number,
  signal: AbortSignal,
  isSo: () => boolean | Promise<boolean>,
  everyMs = 25,
): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (!(await isSo())) {
    if (performance.now() > deadline || signal.aborted) return false;
    await Bun.sleep(everyMs);
  }
  return true;
}

/** Waits so long, or until the signal comes. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await within(ms, signal, () => false, Math.max(1, Math.min(ms, 25)));
}
