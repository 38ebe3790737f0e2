// secrets.env of a home: read, its mode put right, its values never shown.
import { join } from "node:path";
import { readOwnFile } from "./own-file.ts";
import { parseSecrets, type SecretValues } from "./secret-text.ts";

/**
 * What secrets.env holds. `warnings` are whole lines for people; what they speak of is left out of `values`. `isUnread`: the system
 * did not let us look, which may be over in a moment.
 */
export type Secrets = { values: SecretValues; warnings: string[]; isUnread: boolean };

/** Reads the secrets of a home; no file means no secrets. A file that others could have written gives none. Never throws. */
export function loadSecrets(home: string): Secrets {
  const path = join(home, "secrets.env");
  const file = readOwnFile(path, { secret: true });
  if (file.kind === "absent") return { values: {}, warnings: [], isUnread: false };
  if (file.kind === "refused") return { values: {}, warnings: [`secrets.env: ${file.why}`], isUnread: file.isUnread };
  const { values, problems } = parseSecrets(file.text);
  const warnings = problems.map((problem) => `secrets.env:${problem.line}: ${problem.text}`);
  if (file.tightened)
    warnings.unshift(
      "secrets.env: others could read or write it; its mode is 0600 now. Look at what it holds, and renew it if others were there",
    );
  return { values, warnings, isUnread: false };
}
