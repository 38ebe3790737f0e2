// `offhook bench --compare A B`: two reports of the same or of other machines, figure by figure.
import { readFileSync } from "node:fs";
import { flush, print } from "../cli/print.ts";
import { codeOf, EXIT, messageOf, OffhookError } from "../errors.ts";
import { compare } from "../report/compare.ts";
import { comparedLines } from "../report/compare-text.ts";
import { readReport } from "../report/read.ts";
import type { Report } from "../report/shape.ts";
import { terminalLook } from "./bench-look.ts";

/** Prints the comparison. Errors: no such file (66), a file that is no report (78). */
export function compareFiles([a, b]: readonly [string, string], asJson: boolean): number {
  const compared = compare(reportIn(a), reportIn(b));
  if (asJson) print(JSON.stringify(compared));
  else for (const line of comparedLines(compared, terminalLook())) print(line);
  flush();
  return EXIT.ok;
}

function reportIn(path: string): Report {
  try {
    return readReport(readFileSync(path, "utf8"), path);
  } catch (error) {
    if (error instanceof OffhookError) throw error;
    if (codeOf(error) === "EACCES")
      throw new OffhookError(EXIT.permission, `${path} cannot be read: ${messageOf(error)}`);
    throw new OffhookError(
      EXIT.notFound,
      codeOf(error) === "ENOENT" ? `there is no file ${path}` : `${path} cannot be read: ${messageOf(error)}`,
      `offhook bench --json > ${path}`,
    );
  }
}
