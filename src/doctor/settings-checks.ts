// Findings about settings files: do they parse, what is malformed in them, are hooks of ours in their present form. Pure.
import { formFor, type HookForm } from "../claude/command.ts";
import type { Scope } from "../claude/places.ts";
import type { RegisteredHook } from "../claude/registered.ts";
import { troubleOf } from "../claude/registered.ts";
import type { ClaudeVersion } from "../claude/version.ts";
import type { EntryProblem } from "./entries.ts";
import { counted, doubtful, type Finding, well, wrong } from "./finding.ts";
import type { SettingsFile } from "./settings-facts.ts";

/** How hooks of ours are brought in line: where setup wrote them, it does it again; others have to be taken over by it first. */
export function inLine({ sinceMs }: Pick<SettingsFile, "sinceMs">): { mend: string; fix: "hooks" | null } {
  return sinceMs === null ? { mend: "offhook setup", fix: null } : { mend: "offhook setup --sync", fix: "hooks" };
}

/** Judges one settings file; nothing is said of one that is not there. `version`: of Claude Code. */
export function settingsFindings(file: SettingsFile, version: ClaudeVersion | null): Finding[] {
  if (file.trouble !== null) {
    const { text, place, mend, isLoaded } = file.trouble;
    return isLoaded
      ? [doubtful("hooks", "settings", `offhook keeps away from it: ${text}`, { where: place, mend })]
      : [
          wrong("hooks", "settings", `Claude Code cannot read it, so none of its hooks and permissions hold: ${text}`, {
            where: place,
            mend,
          }),
        ];
  }
  const { hooks, path, problems } = file;
  const events = [...new Set(hooks.map(({ event }) => event))];
  const findings = [
    ...problems.map((problem) => problemFinding(problem, file)),
    ...ownTroubles(file),
    ...formFindings(file, version),
  ];
  if (findings.length > 0 || hooks.length === 0) return findings;
  return [well("hooks", "settings", `${path} sends ${counted(events.length, "event")}: ${events.join(", ")}`, path)];
}

function problemFinding({ place, text, harm, isOurs }: EntryProblem, file: SettingsFile): Finding {
  const where = `${file.path}, ${place}`;
  const { mend, fix } = isOurs ? inLine(file) : { mend: `mend ${place} in an editor`, fix: null };
  switch (harm) {
    case "file":
      return wrong(
        "hooks",
        "malformed",
        `${place} is malformed, so Claude Code applies nothing of this file, permissions included: ${text}`,
        { where, mend, fix },
      );
    case "entry":
      return doubtful("hooks", "malformed", `${place} is left out by Claude Code: ${text}`, { where, mend, fix });
    case "meaning":
      return doubtful("hooks", "meaning", `${place}: ${text}`, { where, mend, fix });
    default:
      return harm satisfies never;
  }
}

/** What is told of an entry by itself already (timeouts that look like ms) is not told again. */
function ownTroubles(file: SettingsFile): Finding[] {
  return file.hooks.flatMap((hook) => {
    const trouble = troubleOf(hook);
    if (trouble === null || (hook.timeout ?? 0) >= 1000) return [];
    return [
      doubtful("hooks", "own-hook", `the hook of offhook for ${hook.event}: ${trouble}`, {
        where: file.path,
        ...inLine(file),
      }),
    ];
  });
}

function formFindings(file: SettingsFile, version: ClaudeVersion | null): Finding[] {
  const { hooks, scope, path } = file;
  const other = hooks.filter((hook) => isOtherForm(hook, scope, version));
  if (other.length === 0) return [];
  const events = [...new Set(other.map(({ event }) => event))].join(", ");
  const wanted = formFor(scope, version, "offhook").kind;
  return [doubtful("hooks", "form", `${WHY[wanted]} (${events})`, { where: path, ...inLine(file) })];
}

const WHY: Record<HookForm["kind"], string> = {
  exec: "hooks are started through a shell or by a bare name, which takes longer and needs Claude Code's PATH",
  shell: "hooks are in a form that this Claude Code is too old for (exec form needs 2.1.139)",
  portable: "this file is for everybody who has the project, and its hooks fail where offhook is not in the same place",
};

function isOtherForm(hook: RegisteredHook, scope: Scope, version: ClaudeVersion | null): boolean {
  const wanted = formFor(scope, version, "offhook").kind;
  const is = hook.args !== null ? "exec" : hook.command.includes("$o") ? "portable" : "shell";
  return is !== wanted || (wanted === "exec" && hook.binary === null);
}
