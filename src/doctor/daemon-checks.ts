// Findings about the daemon, what waits for it, and the ledger that it writes. Pure.
import type { SpoolState } from "../spool/collect.ts";
import type { DaemonFacts } from "./daemon-facts.ts";
import { counted, doubtful, type Finding, quoted, sizeText, span, well, wrong } from "./finding.ts";
import type { LedgerFacts } from "./ledger-facts.ts";

/** What waits in the spool so long beside a daemon that runs does not move by itself. */
const LATE_MS = 60_000;

/** The service as far as the daemon is concerned; null: none is installed. */
type Service = { running: boolean } | null;

/** Judges whether a daemon runs and answers, beside the service that is to keep it running. */
export function daemonFindings({ holder, state }: DaemonFacts, service: Service, version: string): Finding[] {
  if (holder === null) return [noDaemon(service)];
  if (state === null)
    return [
      wrong("daemon", "daemon", `the daemon (pid ${holder.pid}) does not answer`, {
        mend: `look again in a minute and at its output; only then: kill ${holder.pid}`,
      }),
    ];
  const restart = service?.running ? "offhook service restart" : `kill ${holder.pid}, then: offhook consume`;
  return [
    well("daemon", "daemon", `it runs (pid ${state.pid}) and answers`),
    ...(state.version === version
      ? []
      : [
          doubtful("daemon", "daemon-version", `it is offhook ${state.version}, this one is ${version}`, {
            mend: restart,
          }),
        ]),
    ...(state.trouble == null
      ? []
      : [
          wrong("daemon", "trouble", state.trouble.text, {
            mend: "it goes on by itself once that is over",
          }),
        ]),
    ...(state.holdingBack ?? []).map(({ consumer, text }) =>
      doubtful("daemon", "holding-back", text, { mend: `offhook resume ${consumer}, or look at: offhook status` }),
    ),
  ];
}

function noDaemon(service: Service): Finding {
  const what = "no daemon runs: events are kept, and nothing is done about them";
  if (service === null)
    return wrong("daemon", "daemon", what, { mend: "offhook install-service, or for now: offhook consume" });
  if (!service.running) return wrong("daemon", "daemon", what, { mend: "offhook service restart", fix: "service" });
  return wrong("daemon", "daemon", `${what}; the service that runs is for another home`, {
    mend: "look at OFFHOOK_HOME in this shell, or with the home that is to be served: offhook install-service",
  });
}

/** Judges the spool of `home`, which the daemon (null: it could not be looked at) is there to empty. */
export function spoolFindings(home: string, spool: SpoolState, daemon: DaemonFacts | null): Finding[] {
  const findings: Finding[] = [];
  const isRunning = daemon === null || daemon.holder !== null;
  // A full disk is told by itself, and is why they wait.
  const isHeldUp = daemon?.state?.trouble != null;
  const waiting = spool.waiting - spool.newer;
  const age = span(spool.oldestMs ?? 0);
  if (waiting > 0 && isRunning && !isHeldUp && (spool.oldestMs ?? 0) > LATE_MS)
    findings.push(
      wrong("daemon", "spool", `events wait in the spool for ${age}, though a daemon runs`, {
        where: `${home}/spool/new`,
        mend: "see the daemon's output: offhook service logs",
      }),
    );
  else if (waiting > 0 && !isRunning)
    findings.push(
      doubtful("daemon", "spool", `${counted(waiting, "event waits", "events wait")} for a daemon, up to ${age}`, {
        where: `${home}/spool/new`,
        mend: "start one: nothing of them is lost",
      }),
    );
  if (spool.newer > 0)
    findings.push(
      wrong("daemon", "newer", `${counted(spool.newer, "event is", "events are")} of a newer offhook`, {
        where: `${home}/spool/new`,
        mend: "upgrade this one: they wait for that",
      }),
    );
  if (spool.bad > 0)
    findings.push(
      doubtful("daemon", "bad", `${counted(spool.bad, "thing was no event", "things were no events")}`, {
        where: `${home}/spool/bad`,
        mend: `look: ls -la ${quoted(`${home}/spool/bad`)}, then delete what lies there`,
      }),
    );
  return findings.length > 0 ? findings : [well("daemon", "spool", "nothing waits in the spool for long")];
}

/** Judges the ledger. */
export function ledgerFindings(ledger: LedgerFacts): Finding[] {
  const { path, sizeBytes, damage, unreadable, setAside } = ledger;
  const restart = "offhook service restart (or start offhook consume again): it sets the damaged one aside";
  const aside = setAside.map((one) =>
    doubtful("daemon", "ledger-set-aside", "a damaged ledger was set aside, and a new one began", {
      where: one,
      mend: `see what of it you need, then: rm ${quoted(one)}`,
    }),
  );
  if (damage !== null)
    return [wrong("daemon", "ledger", `the ledger is damaged: ${damage}`, { where: path, mend: restart }), ...aside];
  if (unreadable !== null)
    return [wrong("daemon", "ledger", unreadable, { where: path, mend: "look at its mode, owner and disk" }), ...aside];
  if (ledger.isSuspect)
    return [wrong("daemon", "ledger", "a daemon met damage in the ledger", { where: path, mend: restart }), ...aside];
  if (sizeBytes === null) return aside;
  const how = ledger.isWhole
    ? "it was looked through and is sound"
    : "it opens; it is too large to be looked through here, a daemon's start does that when there is a reason";
  return [well("daemon", "ledger", `the ledger holds ${sizeText(sizeBytes)}; ${how}`, path), ...aside];
}
