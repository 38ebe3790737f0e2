// `offhook doctor`: is the installation well, from Claude Code's settings to the last event, and if not, how is it mended. Exit 1 with
// errors; warnings alone are 0.

import { homedir } from "node:os";
import { noMoreThan, parse } from "../cli/args.ts";
import { count, flush, oneLine, paint, print } from "../cli/print.ts";
import { type Examined, examine, type Finding, GROUPS } from "../doctor/doctor.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { HomeError } from "../spool/home.ts";
import { whereWeStand } from "../system/standing.ts";
import { version } from "../version.ts";

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parse("doctor", argv, { json: { type: "boolean" }, fix: { type: "boolean" } });
  noMoreThan("doctor", positionals, 0);
  const examined = await look(values.fix === true);
  const errors = examined.findings.filter(({ level }) => level === "error").length;
  const warnings = examined.findings.filter(({ level }) => level === "warning").length;
  if (values.json) print(JSON.stringify({ version, errors, warnings, ...examined }));
  else for (const line of lines(examined, errors, warnings)) print(line);
  flush();
  return errors === 0 ? EXIT.ok : EXIT.failed;
}

async function look(fix: boolean): Promise<Examined> {
  const { env, platform, execPath } = process;
  try {
    return await examine(
      { env, cwd: whereWeStand(), userHome: homedir(), self: execPath, platform, now: Date.now() },
      { fix },
    );
  } catch (error) {
    if (!(error instanceof HomeError)) throw error;
    throw new OffhookError(error.kind === "unset" ? EXIT.config : EXIT.permission, error.message, error.hint);
  }
}

function lines({ findings, fixed }: Examined, errors: number, warnings: number): string[] {
  const mendable = findings.some(({ fix }) => fix !== null);
  const found = [errors > 0 ? count(errors, "error") : "", warnings > 0 ? count(warnings, "warning") : ""];
  return [
    ...(fixed.length === 0 ? [] : ["mended", ...fixed.map((line) => `  - ${oneLine(line)}`), ""]),
    ...GROUPS.flatMap((group) => {
      const own = findings.filter((finding) => finding.group === group);
      return own.length === 0 ? [] : [paint("bold", group), ...own.flatMap(findingLines), ""];
    }),
    found.every((text) => text === "") ? paint("green", "All is well.") : `${found.filter(Boolean).join(", ")}.`,
    ...(mendable && fixed.length === 0 ? ["Some of it mends by itself: offhook doctor --fix"] : []),
  ];
}

const SIGNS = {
  ok: ["green", "✓"],
  warning: ["yellow", "!"],
  error: ["red", "✗"],
} as const;

function findingLines({ level, what, where, mend }: Finding): string[] {
  const [colour, sign] = SIGNS[level];
  const said = what.split("\n").map(oneLine).join("\n      ");
  if (level === "ok") return [`  ${paint(colour, sign)} ${said}`];
  return [
    `  ${paint(colour, sign)} ${said}`,
    ...(where === null ? [] : [`      ${paint("dim", oneLine(where))}`]),
    ...(mend === null ? [] : [`      mend: ${oneLine(mend)}`]),
  ];
}
