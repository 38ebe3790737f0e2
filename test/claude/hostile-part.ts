// Part two: a hostile repository, a hostile environment in every hook, a subagent in the background, and no daemon
// until the session is over. Everything must be stored, and nothing of the repository run.
import * as agent from "./agent-checks.ts";
import { onEveryEvent, play } from "./claude.ts";
import { type Offhook, readSpool, startDaemon, waitSettled, writeConsumers } from "./offhook.ts";
import { readRecordings } from "./recordings.ts";
import type { Report } from "./report.ts";
import { makeScratch } from "./scratch.ts";
import { wholeScript } from "./script.ts";
import * as checks from "./stream-checks.ts";
import { publishHook, recorderHook, type Tools, WORKER_SCRIPT } from "./tools.ts";
import { HOSTILE_ENV, layTraps, trapsSprung, trapsWork } from "./traps.ts";
import { checkStream, endWell } from "./whole-part.ts";

export async function hostilePart(tools: Tools, report: Report): Promise<void> {
  report.part("A hostile repository and environment, the daemon down until the end");
  const scratch = await makeScratch(tools.root, "hostile");
  const script = wholeScript(scratch.project, "background");
  layTraps(scratch);
  report.check("the traps are live: a plain Bun runs into each", await trapsWork(tools.bun, scratch));

  const hooks = onEveryEvent([recorderHook(scratch), publishHook(tools)]);
  const played = await play(tools.claude, scratch, script, hooks, HOSTILE_ENV);
  const recordings = readRecordings(scratch.recordings);
  const variables = Object.entries(HOSTILE_ENV).map(([name, value]) => `${name}=${value}`);
  const spared = recordings.filter(
    (recording) => !variables.every((variable) => recording.bunVariables.includes(variable)),
  );

  report.check("Claude Code plays the script to its end", agent.playedToTheEnd(played, script));
  report.check("its tools write what the script says, under every name", agent.filesWritten(played));
  report.check("every hook fires as often as its event happens", agent.hooksFired(recordings, "background"));
  report.check(
    `the hostile variables reach all ${recordings.length} firings`,
    spared.map((recording) => recording.text),
  );
  report.check("no firing of a hook fails or prints", agent.hooksSilent(played, recordings, 2));
  const raw = recordings.map((recording) => recording.raw);
  report.check(
    "with no daemon every payload waits in the spool, byte for byte",
    checks.sameTexts(readSpool(scratch), raw),
  );
  report.check("nothing of the repository has run in a hook", trapsSprung(scratch));

  writeConsumers(scratch, WORKER_SCRIPT);
  const offhook: Offhook = { binary: tools.offhook, scratch, env: HOSTILE_ENV };
  const daemon = startDaemon(offhook);
  report.check("a daemon started there later takes in every event", await waitSettled(offhook, recordings.length));
  await checkStream(report, offhook, recordings);
  report.check("the daemon ends on TERM", await endWell(daemon));
  report.check("nothing of the repository has run in any command", trapsSprung(scratch));
}
