// Findings about the service that keeps the daemon running. Pure.
import type { Detected, ServiceStatus } from "../service/service.ts";
import { doubtful, type Finding, well, wrong } from "./finding.ts";

/** What is looked at: the service, which manager there is, and what the daemon's lock says. */
export type ServiceFacts = {
  status: ServiceStatus;
  manager: Detected;
  /** The file that its binary really is, without links; null: none, or it is not there. */
  realBinary: string | null;
  /** The same of this program. */
  ownBinary: string;
  /** Who holds the home; null: nobody. */
  holderPid: number | null;
};

/** Judges the service. None at all is nobody's fault: the daemon may be started in another way. */
export function serviceFindings({ status, manager, realBinary, ownBinary, holderPid }: ServiceFacts): Finding[] {
  if (!status.installed) {
    const why =
      manager.kind === "none" ? manager.why : "the daemon runs where somebody started it; offhook install-service";
    return [well("service", "service", `none is installed: ${why}`)];
  }
  const where = status.file;
  const findings: Finding[] = [];
  const last = status.lastLog.at(-1);
  const said = last === undefined ? "" : `; it said: ${last.slice(0, 200)}`;
  if (!status.running && holderPid !== null) {
    findings.push(
      doubtful(
        "service",
        "service",
        `it is installed, but ${status.state}; a daemon (pid ${holderPid}) holds the home`,
        {
          where,
          mend: `if that one was started by hand: kill ${holderPid}, then: offhook service restart`,
        },
      ),
    );
  } else if (!status.running) {
    findings.push(
      wrong("service", "service", `it is installed and does not run: ${status.state}${said}`, {
        where,
        mend: "offhook service restart; its output: offhook service logs",
        fix: "service",
      }),
    );
  } else if (holderPid !== null && status.pid !== null && holderPid !== status.pid)
    findings.push(
      wrong("service", "service", `it runs (pid ${status.pid}), but another daemon (pid ${holderPid}) holds the home`, {
        where,
        mend: `end the other one: kill ${holderPid}, then: offhook service restart`,
      }),
    );
  if (status.binary !== null && realBinary === null)
    findings.push(
      wrong("service", "service-binary", `it starts ${status.binary}, which is not there`, {
        where,
        mend: "offhook install-service",
      }),
    );
  else if (realBinary !== null && realBinary !== ownBinary)
    findings.push(
      doubtful("service", "service-binary", `it starts ${status.binary}, and this is ${ownBinary}`, {
        where,
        mend: "with the one that is to stay: offhook install-service",
      }),
    );
  if (status.running && !status.enabled)
    findings.push(
      doubtful("service", "service-enabled", "it runs now and does not come back by itself", {
        where,
        mend: "offhook install-service",
      }),
    );
  return findings.length > 0 ? findings : [well("service", "service", `it runs: ${status.state}`, where)];
}
