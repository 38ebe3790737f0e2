// Waiting that may be cut short: by whoever knows that there is something to do.

export type Pause = {
  /** Waits so many ms, or until `end` was called since the last wait began. */
  forMs(ms: number): Promise<void>;
  end(): void;
};

/** Makes one; `later` calls back once after so many ms, unless what it gives is called. */
export function makePause(later: (ms: number, call: () => void) => () => void): Pause {
  let isEnded = false;
  let wake = (): unknown => undefined;
  return {
    async forMs(ms) {
      if (ms > 0 && !isEnded) {
        await new Promise<void>((resolve) => {
          const callOff = later(ms, resolve);
          wake = () => {
            callOff();
            resolve();
          };
        });
      }
      isEnded = false;
      wake = () => undefined;
    },
    end() {
      isEnded = true;
      wake();
    },
  };
}
