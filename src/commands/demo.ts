// `offhook demo`: what a synchronous hook costs the agent, what publish costs, and what the consumers do meanwhile. Real
// payloads, a real daemon, measured as it runs.

import { noMoreThan, parse } from "../cli/args.ts";
import { duration, flush, oneLine, paint, print } from "../cli/print.ts";
import { pathsOf } from "../config/paths.ts";
import { type Stage, setStage } from "../demo/stage.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { type DeliveryView, openInspection } from "../ledger/inspect.ts";

const PATIENCE_MS = 30_000;

export async function run(argv: string[]): Promise<number> {
  noMoreThan("demo", parse("demo", argv, {}).positionals, 0);
  const stage = setStage();
  const daemon = Bun.spawn([...offhook(), "consume", "--quiet"], {
    env: stage.env,
    cwd: stage.root,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const leave = () => {
    daemon.kill("SIGKILL");
    stage.end();
  };
  process.once("SIGINT", () => {
    leave();
    process.kill(process.pid, "SIGINT");
  });
  try {
    say(
      `${paint("bold", "offhook demo")}: ${stage.payloads.length} payloads recorded from Claude Code 2.1.329, a daemon and three consumers.`,
    );
    say(paint("dim", `Everything happens in ${stage.root} and goes away with it.`));
    const inFrontMs = await showInFront(stage);
    const publishMs = await showPublish(stage);
    showSum(stage, inFrontMs, publishMs);
    await showOutcomes(stage);
    daemon.kill("SIGTERM");
    await daemon.exited;
    say("");
    say("Next: the README's section Install. What could be asked here: offhook status, events, deliveries, show.");
    return EXIT.ok;
  } finally {
    leave();
  }
}

/** Gives what one synchronous hook took, in ms. */
async function showInFront(stage: Stage): Promise<number> {
  say("");
  say(paint("bold", "1. In front of the agent: lint, tests and a Slack post as one synchronous hook"));
  const began = performance.now();
  const title = await stage.inFront();
  const tookMs = performance.now() - began;
  say(`   ${title.padEnd(44)} ${paint("red", duration(tookMs).padStart(8))}  the agent waits, at every write`);
  return tookMs;
}

/** Gives what one publish took, in ms: the median. */
async function showPublish(stage: Stage): Promise<number> {
  say("");
  say(paint("bold", "2. With offhook: the hook stores the event and is gone"));
  const times: number[] = [];
  for (const payload of stage.payloads) {
    const began = performance.now();
    const publish = Bun.spawn([...offhook(), "publish"], {
      env: stage.env,
      cwd: stage.root,
      stdin: Buffer.from(`${payload.text}\n`),
      stdout: "ignore",
      stderr: "inherit",
    });
    if ((await publish.exited) !== EXIT.ok) throw new OffhookError(EXIT.failed, "publish could not store an event");
    const tookMs = performance.now() - began;
    times.push(tookMs);
    say(`   ${payload.title.padEnd(44)} ${paint("green", `${tookMs.toFixed(1)} ms`.padStart(8))}`);
  }
  const median = times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
  say(`   ${"median, the whole process".padEnd(44)} ${`${median.toFixed(1)} ms`.padStart(8)}`);
  return median;
}

function showSum(stage: Stage, inFrontMs: number, publishMs: number): void {
  const writes = stage.payloads.filter((payload) => payload.file !== null).length;
  const [before, after] = [duration(writes * inFrontMs), duration(writes * publishMs)];
  say(`   ${writes} writes: ${before} of waiting with the synchronous hook, ${after} with offhook`);
}

/** Prints each settled delivery as it comes, until nothing is left. */
async function showOutcomes(stage: Stage): Promise<void> {
  say("");
  say(paint("bold", "3. Meanwhile, beside the agent: each consumer at its own pace"));
  const began = performance.now();
  const shown = new Set<string>();
  for (;;) {
    const inspection = openInspection(pathsOf(stage.home).ledger);
    if (inspection !== null) {
      for (const delivery of inspection.deliveries({ consumer: null, state: null, session: null, limit: null })) {
        if (!["ok", "findings", "dead"].includes(delivery.state) || shown.has(delivery.id)) continue;
        shown.add(delivery.id);
        say(outcomeLine(delivery, stage));
      }
      const groups = inspection.groups(Date.now());
      const { events } = inspection.stream();
      inspection.close();
      if (
        events === stage.payloads.length &&
        groups.length === 3 &&
        groups.every((group) => group.lag + group.pending === 0)
      )
        break;
    }
    if (performance.now() - began > PATIENCE_MS)
      throw new OffhookError(EXIT.failed, `the consumers were not done after ${duration(PATIENCE_MS)}`);
    await Bun.sleep(50);
  }
  say(`   all done ${duration(performance.now() - began)} after the last hook; the agent waited for none of it`);
}

function outcomeLine(delivery: DeliveryView, stage: Stage): string {
  const last = delivery.attempts.at(-1);
  const colour = delivery.state === "ok" ? "green" : delivery.state === "findings" ? "yellow" : "red";
  const about = delivery.key.startsWith(stage.root) ? delivery.key.slice(stage.root.length + "/shop/".length) : "";
  const said = (last?.stdout ?? "").trim().split("\n")[0] ?? "";
  return `   ${delivery.consumer.padEnd(6)} ${paint(colour, delivery.state.padEnd(8))} ${oneLine(about).padEnd(28)} ${duration(last?.durationMs ?? 0).padStart(8)}  ${paint("dim", oneLine(said))}`;
}

/** This program, compiled or not. */
function offhook(): string[] {
  return Bun.main.startsWith("/$bunfs") ? [process.execPath] : [process.execPath, Bun.main];
}

function say(line: string): void {
  print(line);
  flush();
}
