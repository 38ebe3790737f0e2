// Builds of offhook that are wrong on purpose: a copy of src/ in which a few texts are replaced, compiled as what is shipped is.
// For negative controls, and for test builds that end themselves at a named place. The source tree itself is never touched.
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { compile } from "../../scripts/compile.ts";

const ROOT = resolve(import.meta.dir, "..", "..");

/** `from` must be in the file exactly once; `file` is seen from the top of the repository: "src/spool/collect.ts". */
export type Replacement = { file: string; from: string; to: string };

export type Variant = {
  /** For people and for the directory: [a-z0-9-]+. */
  name: string;
  replacements: readonly Replacement[];
  /** A directory that is there; the tree and the binary are put below it, and go with it. */
  place: string;
};

const built = new Map<string, string>();

/**
 * Builds a variant and gives the path of its binary; takes some 3 s, and none where the same was built in this run and is still
 * there. Throws where a text to be replaced is not there exactly once, or where the result does not compile.
 */
export async function makeVariant({ name, replacements, place }: Variant): Promise<string> {
  const wanted = JSON.stringify(replacements);
  const before = built.get(wanted);
  if (before !== undefined && existsSync(before)) return before;
  const tree = join(place, `variant-${name}`);
  mkdirSync(tree, { mode: 0o700 });
  cpSync(join(ROOT, "src"), join(tree, "src"), { recursive: true });
  for (const file of ["package.json", "tsconfig.json"]) cpSync(join(ROOT, file), join(tree, file));
  symlinkSync(join(ROOT, "node_modules"), join(tree, "node_modules"));
  for (const replacement of replacements) replace(tree, replacement);
  const binary = join(tree, "offhook");
  compile({ entry: join(tree, "src", "main.ts"), outFile: binary });
  built.set(wanted, binary);
  return binary;
}

function replace(tree: string, { file, from, to }: Replacement): void {
  const path = join(tree, file);
  const parts = readFileSync(path, "utf8").split(from);
  const [before, after] = parts;
  if (before === undefined || after === undefined || parts.length !== 2)
    throw new Error(`${JSON.stringify(from)} is in ${file} ${parts.length - 1} times, not once`);
  writeFileSync(path, before + to + after);
}
