// The signals of the daemon: TERM and INT end it gently, a second one at once, HUP reloads.

export type Signals = {
  /** Resolves with the name of the first signal that asks for the end. */
  stop: Promise<string>;
  /** Resolves when somebody asks a second time. */
  hurry: Promise<void>;
  onReload(reload: () => void): void;
};

/** Listens from now on. */
export function listenForSignals(): Signals {
  const stop = Promise.withResolvers<string>();
  const hurry = Promise.withResolvers<void>();
  let asked = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (asked) hurry.resolve();
      asked = true;
      stop.resolve(signal);
    });
  }
  let reload = (): void => undefined;
  process.on("SIGHUP", () => reload());
  return {
    stop: stop.promise,
    hurry: hurry.promise,
    onReload(given) {
      reload = given;
    },
  };
}
