// The rules about places: `files` and `projects`. Pure but for the real paths that are handed in.
//
// files: globs against the path inside the project, or the absolute path without its first slash for a file outside of it.
//   Much as in .gitignore: a pattern without a slash matches at any depth, "/x" only at the top, "x/" all that is below x.
//   "!" excludes, wherever it stands, and excludes what is below a directory too. Only "!" patterns: everything else.
// Text is compared in one Unicode form: macOS and keyboards write an umlaut differently.
import { posix } from "node:path";
import type { Event } from "../event/event.ts";
import { anyOf, type CompiledRule, quoted, type RealPath } from "./rule.ts";

export function fileRule(patterns: readonly string[]): CompiledRule {
  const wantedGlobs = patterns.filter((pattern) => !pattern.startsWith("!")).map((pattern) => globOf(pattern));
  const excluded = patterns
    .filter((pattern) => pattern.startsWith("!"))
    .map((pattern) => pattern.slice(1))
    .flatMap((pattern) => (pattern.endsWith("/") ? [globOf(pattern)] : [globOf(pattern), globOf(`${pattern}/`)]));
  return {
    rule: "files",
    wanted: anyOf(patterns),
    got({ event }) {
      const path = pathInProject(event);
      return path === null ? "no file" : quoted(path);
    },
    test({ event }) {
      const path = pathInProject(event);
      if (path === null) return false;
      const isWanted = wantedGlobs.length === 0 || wantedGlobs.some((glob) => glob.match(path));
      return isWanted && !excluded.some((glob) => glob.match(path));
    },
  };
}

function globOf(pattern: string): Bun.Glob {
  const isBelow = pattern.endsWith("/");
  const body = pattern.replace(/^\.\//, "").replace(/\/+$/, "");
  const anchored = body.includes("/") ? body.replace(/^\/+/, "") : `**/${body}`;
  // A "!" in front would turn the whole glob round.
  const literal = anchored.startsWith("!") ? `\\${anchored}` : anchored;
  return new Bun.Glob((isBelow ? `${literal}/**` : literal).normalize("NFC"));
}

function pathInProject({ subject, project }: Event): string | null {
  if (subject === null || subject === "") return null;
  const path = posix.normalize(subject).normalize("NFC");
  if (!path.startsWith("/")) return path;
  const directory = project === null ? null : `${withoutSlash(project)}/`;
  return directory !== null && path.startsWith(directory) ? path.slice(directory.length) : path.slice(1);
}

/** A project is the same by any of its paths: as it is written, or with every link followed. Globs as for paths. */
export function projectRule(patterns: readonly string[], realPath: RealPath): CompiledRule {
  const tests = patterns.map((pattern) => projectTest(withoutSlash(pattern), realPath));
  return {
    rule: "projects",
    wanted: anyOf(patterns),
    got: ({ event }) => (event.project === null ? "no project" : quoted(event.project)),
    test({ event }) {
      if (event.project === null) return false;
      const project = withoutSlash(event.project);
      return tests.some((test) => test(project));
    },
  };
}

function projectTest(pattern: string, realPath: RealPath): (project: string) => boolean {
  // What stands before the first wildcard is a directory that may be a link.
  const parts = pattern.split("/");
  const wild = parts.findIndex((part) => /[*?[\]{}\\]/.test(part));
  const fixed = wild < 0 ? pattern : parts.slice(0, wild).join("/");
  const rest = wild < 0 ? "" : `/${parts.slice(wild).join("/")}`;
  const glob = new Bun.Glob(rest.slice(1));
  const isIn = (directory: string, project: string) =>
    rest === ""
      ? project === directory
      : project.startsWith(`${directory}/`) && glob.match(project.slice(directory.length + 1));
  return (project) => {
    if (project === pattern || isIn(fixed, project)) return true;
    const real = withoutSlash(realPath(project));
    return isIn(withoutSlash(realPath(fixed === "" ? "/" : fixed)), real);
  };
}

/** A path in its plain form, without a slash at its end; the root is empty. */
function withoutSlash(path: string): string {
  return posix.normalize(path).normalize("NFC").replace(/\/+$/, "");
}
