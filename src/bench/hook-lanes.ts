// Who is timed when one hook is measured: offhook's own forms, what a process costs at all, the two hooks that offhook replaces, and
// commands of the user's. Each is a contestant that can show that it has done its work.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXIT, OffhookError } from "../errors.ts";
import { shortened } from "../measure/command-text.ts";
import type { Contestant } from "../measure/measure.ts";
import { payloadsOf } from "../measure/payload.ts";
import { PYTHON_PUBLISHER } from "../measure/python.ts";
import { empty, markIn, type Scratch } from "../measure/scratch.ts";
import { type SyncHook, WRITTEN } from "../measure/sync-hook.ts";
import type { MineLane } from "../rehearsal/mine.ts";
import { furnish } from "../rehearsal/mine-home.ts";
import type { HookKind } from "../report/shape.ts";

export type HookLane = Contestant & {
  kind: HookKind;
  /** A sentence, or the command itself. */
  what: string;
  /** Throws when its last run did not do what it is for. */
  mustHaveDone(): void;
};

/** What every lane is made of. */
export type Stage = {
  offhook: string;
  scratch: Scratch;
  /** A directory of this measurement alone, in the scratch directory. */
  place: string;
  recorded: string;
  /** The line of a settings file that runs offhook through a shell, as setup writes it. */
  shellCommand: string;
  python: string | null;
  sync: SyncHook | null;
  /** Where scripts that the user's commands name are found. */
  userHome: string;
};

/** A directory with the file that an agent has just written, and the payload of a PostToolUse hook about it. */
export type Project = { path: string; stdin: Uint8Array };

/** Makes one in the directory `path`, which is not there yet. The payload is a recorded one of a Write, about this file and its content. */
export function makeProject(path: string, recorded: string): Project {
  const file = join(path, "cart.py");
  mkdirSync(path);
  writeFileSync(file, WRITTEN);
  const payload = JSON.parse(payloadsOf(recorded, RECORDED_BYTES)(1));
  payload.cwd = path;
  payload.tool_input = { ...payload.tool_input, file_path: file, content: WRITTEN };
  payload.tool_response = { ...payload.tool_response, filePath: file, content: WRITTEN };
  return { path, stdin: Buffer.from(`${JSON.stringify(payload)}\n`) };
}

/** Room enough for the recorded payload; its content is replaced. */
const RECORDED_BYTES = 1_999;

/** The lanes of every run. Without python3 there is no publisher in it, without a way to post no synchronous hook. */
export function usualLanes(stage: Stage, project: Project): HookLane[] {
  const { offhook, scratch } = stage;
  const home = scratch.makeHome({});
  const spool = join(home, "spool", "new");
  const env = { ...scratch.envOf(home), ...claudeEnv(project) };
  const base = { env, cwd: project.path };
  const nothing = () => undefined;
  const storesOne = (name: string, directory: string) => () => {
    // Emptied each turn: a directory that grows would make later runs another measurement.
    const files = empty(directory);
    if (files !== 1) throw new OffhookError(EXIT.failed, `${name} stored ${files} events instead of 1 in ${directory}`);
  };
  const lane = (
    name: string,
    kind: HookKind,
    what: string,
    argv: string[],
    mustHaveDone: () => void = nothing,
  ): HookLane => ({ ...base, name, kind, what, argv, mustHaveDone });

  const lanes = [
    lane("cat", "floor", "what starting and ending any process costs", ["cat"]),
    lane("null", "null", "offhook's own program, which reads and parses the event and ends", [offhook, "null"]),
    lane("publish", "publish", "the event is safe on the disk", [offhook, "publish"], storesOne("publish", spool)),
    lane(
      "publish, sh -c",
      "publish-shell",
      "the same through a shell, as Claude Code before 2.1.139 and project files need it",
      ["/bin/sh", "-c", stage.shellCommand],
      storesOne("publish, sh -c", spool),
    ),
  ];
  if (stage.python !== null) {
    const files = join(home, "python");
    const script = join(home, "publisher.py");
    mkdirSync(files);
    writeFileSync(script, PYTHON_PUBLISHER);
    const what = "python3 that reads and parses the event, writes a file and waits for no disk";
    lanes.push(
      lane("python publisher", "python", what, [stage.python, script, files], storesOne("python publisher", files)),
    );
  }
  if (stage.sync !== null) {
    const { argv, what, env: own, mustHaveTold } = stage.sync;
    lanes.push({ ...lane("lint + alert", "sync", what, argv, () => mustHaveTold(1)), env: { ...env, ...own } });
  }
  return lanes;
}

/** A command of the user's in a shell, with a project of its own and a home that has the scripts it names with ~. `number` tells it from others. */
export function againstLane({ scratch, place, recorded, userHome }: Stage, command: string, number: number): HookLane {
  const project = makeProject(join(place, `against-${number}`), recorded);
  const home = join(place, `home-of-against-${number}`);
  furnish(home, userHome, [{ command, args: null, source: "user" }]);
  const what = {
    name: shortened(command),
    what: command,
    argv: ["/bin/sh", "-c", command],
    env: { ...scratch.envOf(scratch.makeHome({})), ...claudeEnv(project), HOME: home },
    cwd: project.path,
    stdin: project.stdin,
  };
  return usersLane(what, "against", scratch);
}

/** One of the user's own hooks as a lane. */
export function mineLane(mine: MineLane, scratch: Scratch): HookLane {
  return usersLane(mine, "mine", scratch);
}

function usersLane(command: Contestant & { what: string }, kind: HookKind, scratch: Scratch): HookLane {
  const env = { ...command.env, ...markIn(scratch) };
  return { ...command, env, kind, mayFail: true, mustHaveDone: () => undefined };
}

/** What Claude Code 2.1.329 adds to a hook's environment and hooks may need. */
function claudeEnv(project: Project): Record<string, string> {
  return { CLAUDECODE: "1", CLAUDE_PROJECT_DIR: project.path };
}
