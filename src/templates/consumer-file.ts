// The consumer file that a template becomes in a home. Never overwrites: what lies there already is somebody's.
import { constants, copyFileSync, linkSync, mkdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { readOwnFile } from "../config/own-file.ts";
import { pathsOf } from "../config/paths.ts";
import { isProblem, parseToml } from "../config/toml.ts";
import { codeOf, EXIT, messageOf, OffhookError } from "../errors.ts";
import { files } from "../system/files.ts";
import type { Answers, Template } from "./template.ts";
import { isBound, projectPattern } from "./text.ts";

/** A consumer file to write. `exists`: what lies at its path already; "different" is left as it is. */
export type ConsumerFile = { name: string; path: string; text: string; exists: "same" | "different" | null };

/**
 * Plans the file of a template: ID.toml, or ID-PROJECT.toml where it is bound to a project, with six letters more when that one
 * is another project's of the same name. Reads, writes nothing. Errors: as the template's text.
 */
export function planConsumerFile(home: string, template: Template, answers: Answers): ConsumerFile {
  const text = template.text(answers);
  const project = isBound(template, answers) ? answers.project : null;
  const [first, second] = namesFor(template.id, project).map((name) => ({
    name,
    path: join(pathsOf(home).consumers, `${name}.toml`),
  }));
  if (first === undefined) throw new Error("a template without a name");
  const present = readOwnFile(first.path, { secret: false });
  const isOthers = project !== null && present.kind === "ok" && isOfAnother(present.text, project);
  if (!isOthers || second === undefined) return { ...first, text, exists: comparison(present, text) };
  return { ...second, text, exists: comparison(readOwnFile(second.path, { secret: false }), text) };
}

const LONGEST_SLUG = 30;

function namesFor(id: string, project: string | null): string[] {
  if (project === null) return [id];
  const slug = basename(project)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, LONGEST_SLUG)
    .replace(/^-+|-+$/g, "");
  const mark = new Bun.CryptoHasher("sha256").update(project).digest("hex").slice(0, 6);
  return slug === "" ? [`${id}-${mark}`] : [`${id}-${slug}`, `${id}-${slug}-${mark}`];
}

/** Whether a file names projects, and not this one. One that cannot be read may be anybody's: it is not for us to say. */
function isOfAnother(text: string, project: string): boolean {
  const toml = parseToml(text);
  if (isProblem(toml) || !Array.isArray(toml.table.projects)) return false;
  return !toml.table.projects.includes(projectPattern(project));
}

function comparison(present: ReturnType<typeof readOwnFile>, text: string): ConsumerFile["exists"] {
  if (present.kind === "absent") return null;
  return present.kind === "ok" && present.text === text ? "same" : "different";
}

/**
 * Writes a planned file, 0600, whole or not at all; nothing where one is already. Errors: another file came there meanwhile (75),
 * it cannot be written (77; 1 for a full disk).
 */
export function writeConsumerFile({ name, path, text, exists }: ConsumerFile): void {
  if (exists !== null) return;
  // Hidden, so that the daemon does not take it for a consumer.
  const temporary = join(dirname(path), `.${name}.toml.${process.pid}`);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    rmSync(temporary, { force: true });
    const fd = files.create(temporary);
    try {
      files.writeAll(fd, Buffer.from(text));
      files.sync(fd);
    } finally {
      files.close(fd);
    }
    placeNew(temporary, path);
    syncDirectory(dirname(path));
  } catch (error) {
    throw writingError(error, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** A second name for the file, which fails where there is one; a copy where the file system has no second names. */
function placeNew(temporary: string, path: string): void {
  try {
    linkSync(temporary, path);
  } catch (error) {
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(codeOf(error) ?? "")) throw error;
    copyFileSync(temporary, path, constants.COPYFILE_EXCL);
  }
}

/** Makes what was linked or renamed in a directory survive a power cut. */
export function syncDirectory(directory: string): void {
  const fd = files.openDirectory(directory);
  try {
    files.sync(fd);
  } finally {
    files.close(fd);
  }
}

function writingError(error: unknown, path: string): OffhookError {
  if (error instanceof OffhookError) return error;
  if (codeOf(error) === "EEXIST")
    return new OffhookError(EXIT.busy, `${path} came there meanwhile; it is left as it is`, "run it again");
  const isFull = ["ENOSPC", "EDQUOT"].includes(codeOf(error) ?? "");
  return new OffhookError(
    isFull ? EXIT.failed : EXIT.permission,
    `${path} cannot be written: ${messageOf(error)}`,
    isFull ? "make room on its disk" : `make ${dirname(path)} writable for you`,
  );
}
