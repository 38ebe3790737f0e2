// Part one: a whole session with the daemon beside it. First without hooks, to know what the model is shown then; at
// the end with hooks that do talk, to know that the checks would hear one.
import * as agent from "./agent-checks.ts";
import { onEveryEvent, type Played, play } from "./claude.ts";
import {
  CONSUMERS,
  type Offhook,
  readDeliveries,
  readStream,
  startDaemon,
  waitSettled,
  writeConsumers,
} from "./offhook.ts";
import { type Recording, readRecordings, readWork } from "./recordings.ts";
import type { Report } from "./report.ts";
import { makeScratch } from "./scratch.ts";
import { wholeScript } from "./script.ts";
import * as checks from "./stream-checks.ts";
import { publishHook, recorderHook, type Tools, WORKER_SCRIPT } from "./tools.ts";

const TOOL_CALLS = 12;
const DAEMON_END_MS = 25_000;

export async function wholePart(tools: Tools, report: Report): Promise<void> {
  report.part("A whole session, beside a plain recorder, with the daemon running");
  const bare = await makeScratch(tools.root, "no hooks");
  const plain = await play(tools.claude, bare, wholeScript(bare.project, "foreground"), {});

  const scratch = await makeScratch(tools.root, "whole");
  const script = wholeScript(scratch.project, "foreground");
  writeConsumers(scratch, WORKER_SCRIPT);
  const offhook: Offhook = { binary: tools.offhook, scratch, env: {} };
  const daemon = startDaemon(offhook);
  const hooks = onEveryEvent([recorderHook(scratch), publishHook(tools)]);
  const played = await play(tools.claude, scratch, script, hooks);
  const recordings = readRecordings(scratch.recordings);

  report.check("Claude Code plays the script to its end", agent.playedToTheEnd(played, script));
  report.check("its tools write what the script says, under every name", agent.filesWritten(played));
  report.check("every hook fires as often as its event happens", agent.hooksFired(recordings, "foreground"));
  report.check("no firing of a hook fails or prints", agent.hooksSilent(played, recordings, 2));
  report.check("the model is shown what it is shown without hooks", agent.modelSawTheSame(played, plain));
  report.check("the daemon takes in every event and settles it", await waitSettled(offhook, recordings.length));
  await checkStream(report, offhook, recordings);
  report.check("the daemon ends on TERM", await endWell(daemon));

  await checkThatChatterIsHeard(tools, report, plain);
}

/** What holds of the stream and of each consumer, whatever the session was like. */
export async function checkStream(report: Report, offhook: Offhook, recordings: readonly Recording[]): Promise<void> {
  const stream = await readStream(offhook);
  const texts = recordings.map((recording) => recording.text);
  const unchanged = checks.sameTexts(
    stream.map((event) => event.data),
    texts,
  );
  report.check(`all ${texts.length} recorded payloads are in the stream, unchanged, and nothing else is`, unchanged);
  report.check("seq counts up without a gap and no id comes twice", checks.wellNumbered(stream));
  report.check("each tool call has its Pre before its Post", checks.preBeforePost(stream, TOOL_CALLS));
  report.check(
    "the attributes of each event say what its payload says",
    checks.rightlyLabelled(stream, offhook.scratch),
  );
  for (const consumer of CONSUMERS) {
    const events = consumer === "worker" ? stream.filter(checks.forWorker) : stream;
    const deliveries = await readDeliveries(offhook, consumer);
    report.check(
      `consumer ${consumer}: ${events.length} deliveries, each ok, each event once`,
      checks.allDeliveredOk(deliveries, events),
    );
  }
  const given = checks.workerGiven(readWork(offhook.scratch.worked), stream.filter(checks.forWorker));
  report.check("the worker is given the whole event, the file as one argument, and no BUN_ variable", given);
}

/** Ends the daemon as a service does. */
export async function endWell(daemon: ReturnType<typeof startDaemon>): Promise<string[]> {
  const { exitCode, signal, stderr } = await daemon.end(DAEMON_END_MS);
  return exitCode === 0 ? [] : [`exit ${exitCode ?? signal}: ${stderr.slice(-400)}`];
}

async function checkThatChatterIsHeard(tools: Tools, report: Report, plain: Played): Promise<void> {
  const scratch = await makeScratch(tools.root, "chatter");
  const script = wholeScript(scratch.project, "foreground");
  const say = (command: string) => ({ command: "/bin/sh", args: ["-c", command] });
  const hooks = onEveryEvent([recorderHook(scratch), say("echo chatter"), say("echo noise >&2; exit 1")]);
  const played = await play(tools.claude, scratch, script, hooks);
  const heard = agent.hooksSilent(played, readRecordings(scratch.recordings), 3);
  const seen = agent.modelSawTheSame(played, plain);
  const missing: string[] = [];
  if (!heard.some((problem) => problem.includes("chatter"))) missing.push("output of a hook goes unnoticed");
  if (!heard.some((problem) => problem.includes("noise"))) missing.push("a failing hook goes unnoticed");
  if (!heard.some((problem) => problem.includes("stderr: SessionEnd")))
    missing.push("a failing SessionEnd hook goes unnoticed");
  if (!seen.some((problem) => problem.includes("chatter")))
    missing.push("hook output that the model saw goes unnoticed");
  report.check("hooks that do print and fail are heard by these checks", missing);
}
