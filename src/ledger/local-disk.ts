// Whether a directory lies on a disk of this machine: SQLite's WAL needs shared memory, which no network file system has.
import { statfsSync } from "node:fs";
import { EXIT, OffhookError } from "../errors.ts";

/** Magic numbers of statfs(2) on Linux for network file systems. */
const NETWORK_FILE_SYSTEMS = new Map([
  [0x6969, "NFS"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x5346414f, "AFS"],
  [0x00c36400, "Ceph"],
  [0x0bd00bd0, "Lustre"],
]);

/** Throws (78) where a directory is on a network file system that we know by its number. Linux only. */
export function refuseNetworkFileSystem(directory: string): void {
  if (process.platform !== "linux") return;
  const kind = NETWORK_FILE_SYSTEMS.get(statfsSync(directory).type >>> 0);
  if (kind === undefined) return;
  throw new OffhookError(
    EXIT.config,
    `the ledger cannot live on ${kind} (${directory}): SQLite needs a local disk`,
    "set OFFHOOK_HOME to a directory on a local disk, for the hooks too",
  );
}
