// The machine that is measured on, as a report says it.
import { availableParallelism, cpus, release, totalmem } from "node:os";
import type { Machine } from "../report/shape.ts";
import type { Scratch } from "./scratch.ts";

/** `name`: what the node goes by. The disk is that of the scratch directory. */
export function machineFacts(name: string, { disk, isReal }: Pick<Scratch, "disk" | "isReal">): Machine {
  return {
    name,
    platform: `${process.platform} ${process.arch}`,
    system: release(),
    cpu: cpus()[0]?.model.trim() || null,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    disk,
    isRealDisk: isReal,
  };
}
