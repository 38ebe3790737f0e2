// Waiting with a limit.

/** Looks every `everyMs` until the condition holds; false when it does not within `limitMs`. */
export async function waitUntil(condition: () => boolean, limitMs: number, everyMs = 20): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (!condition()) {
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return false;
    await Bun.sleep(Math.min(everyMs, leftMs));
  }
  return true;
}

/** Whether something ends within `limitMs`. It goes on by itself when it does not; leaves no timer behind. */
export async function endsWithin(something: Promise<unknown>, limitMs: number): Promise<boolean> {
  let timer: Timer | null = null;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  try {
    return await Promise.race([something.then(() => true), late]);
  } finally {
    if (timer !== null) clearTimeout(timer);
  }
}
