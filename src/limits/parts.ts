// The parts of the benchmark that set what delivering costs beside something else of the same run, by name. What each of them
// measures, and how, is in its own file.

import { openProcessorClock } from "../measure/processor-clock.ts";
import type { Scratch } from "../measure/scratch.ts";
import { CLUSTER, measureCluster, SMALL_CLUSTER } from "./cluster.ts";
import type { Compared, PartName } from "./comparison.ts";
import { DELIVERIES, FEW_DELIVERIES, measureDeliveries } from "./deliveries.ts";
import { FAN_OUT, measureFanOut, SMALL_FAN_OUT } from "./fan-out.ts";
import { LARGE, makeLarge, measureLarge, NOT_SO_LARGE } from "./large-ledger.ts";
import { LITTLE_MEMORY, MEMORY, measureMemory } from "./private-memory.ts";

/** What every part is given. `recorded` is JSON lines of payloads; `isQuick`: fewer of everything, rougher figures. */
export type Means = { offhook: string; scratch: Scratch; recorded: string; isQuick: boolean };

/** Measures a part; again each time it is called. Errors: a daemon, command or worker that fails or does not end (1). */
export type Measure = () => Promise<Compared>;

/** Their names, in the order in which they are measured. */
export const COMPARED: readonly PartName[] = ["deliveries", "fanout", "memory", "large", "cluster"];

/** The parts by name. */
export function partsOf({ offhook, scratch, recorded, isQuick }: Means): Record<PartName, Measure> {
  const clock = openProcessorClock();
  let homes: ReturnType<typeof makeLarge> | null = null;
  const large = isQuick ? NOT_SO_LARGE : LARGE;
  return {
    deliveries: () => measureDeliveries(isQuick ? FEW_DELIVERIES : DELIVERIES, offhook, scratch),
    fanout: () => measureFanOut(isQuick ? SMALL_FAN_OUT : FAN_OUT, offhook, scratch, recorded, clock),
    memory: () => measureMemory(isQuick ? LITTLE_MEMORY : MEMORY, offhook, scratch, recorded),
    large() {
      // A million events take a while to write: once is enough for all tries.
      homes ??= makeLarge(large, scratch);
      return measureLarge(large, homes, offhook, scratch, recorded, clock);
    },
    cluster: () => measureCluster(isQuick ? SMALL_CLUSTER : CLUSTER, offhook, scratch, recorded),
  };
}
