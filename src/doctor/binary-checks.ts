// Findings about the programs that hooks name. Pure.
import type { BinaryFacts } from "./binary-facts.ts";
import { doubtful, type Finding, quoted, well, wrong } from "./finding.ts";
import { inLine } from "./settings-checks.ts";
import type { SettingsFile } from "./settings-facts.ts";

/** Judges one program; `file`: the settings file that names it, `version` and `self`: of this program. */
export function binaryFindings(binary: BinaryFacts, file: SettingsFile, version: string, self: string): Finding[] {
  const { path, kind, repository, trouble } = binary;
  // What everybody has in the project names no path: the program has to come to where it is looked for.
  const install = { mend: `install -D ${quoted(self)} ~/.local/bin/offhook`, fix: null };
  const toThis = { where: file.path, ...(file.scope === "project" ? install : inLine(file)) };
  switch (kind) {
    case "absent":
      return [wrong("program", "binary", `the hooks name ${path}, which is not there`, toThis)];
    case "no-file":
      return [wrong("program", "binary", `the hooks name ${path}, which is no program`, toThis)];
    case "not-executable":
      return [
        wrong("program", "binary", `the hooks name ${path}, which may not be executed`, {
          where: file.path,
          mend: `chmod +x ${quoted(path)}`,
        }),
      ];
    case "program":
      break;
    default:
      kind satisfies never;
  }
  const findings: Finding[] = [];
  if (repository !== null)
    findings.push(
      doubtful(
        "program",
        "binary-place",
        `the hooks name ${path}, which lies in a repository: a checkout may take it away or put another in its place`,
        {
          where: repository,
          mend: `install -D ${quoted(path)} ~/.local/bin/offhook, then: ~/.local/bin/offhook setup --sync`,
        },
      ),
    );
  if (!binary.isAsked && repository === null && trouble === null)
    findings.push(
      doubtful(
        "program",
        "binary",
        `this project's settings name ${path}; setup did not write that, so it was not run`,
        {
          where: file.path,
          mend: "look at the file; if you know that program: offhook setup, here",
        },
      ),
    );
  if (trouble !== null)
    findings.push(wrong("program", "binary", `the hooks name ${path}, which does not run: ${trouble}`, toThis));
  else if (binary.version !== null && binary.version !== version)
    findings.push(
      doubtful(
        "program",
        "binary-version",
        `the hooks name ${path}, which is ${binary.version === "" ? "none that says its version" : `offhook ${binary.version}`}; this one is ${version}`,
        {
          where: file.path,
          mend: `upgrade one of them, or let the hooks name this one: ${toThis.mend}`,
        },
      ),
    );
  return findings.length > 0
    ? findings
    : [well("program", "binary", `${path} runs, and is this version (${version})`, path)];
}
