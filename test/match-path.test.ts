// The rules about places: `files` and `projects`, with hostile names.
import { describe, expect, test } from "bun:test";
import type { Event } from "../src/event/event.ts";
import { table, wants } from "./match-table.ts";

const file = (subject: string | null, project: string | null = "/home/dev/shop"): Partial<Event> => ({
  subject,
  project,
});

table("files", [
  ["two stars match at any depth", 'files = ["**/*.py"]', {}, true],
  ["and at the top", 'files = ["**/*.py"]', file("/home/dev/shop/a.py"), true],
  ["a pattern without a slash matches at any depth", 'files = ["*.py"]', {}, true],
  ["a slash in front means the top only", 'files = ["/*.py"]', {}, false],
  ["and finds the file there", 'files = ["/*.py"]', file("/home/dev/shop/a.py"), true],
  ["a pattern with a slash starts at the project", 'files = ["src/*.py"]', {}, true],
  ["and not deeper", 'files = ["src/*.py"]', file("/home/dev/shop/lib/src/a.py"), false],
  ["./ in front changes nothing", 'files = ["./src/*.py"]', {}, true],
  ["a star stops at a slash", 'files = ["src/*.py"]', file("/home/dev/shop/src/a/b.py"), false],
  ["a slash at the end means all that is below", 'files = ["src/"]', file("/home/dev/shop/x/src/a/b.py"), true],
  ["and not a file of that name", 'files = ["src/"]', file("/home/dev/shop/src"), false],
  ["braces are alternatives", 'files = ["*.{ts,tsx}"]', file("/home/dev/shop/a.tsx"), true],
  ["an exclusion wins", 'files = ["**/*.py", "!src/cart.py"]', {}, false],
  ["wherever it stands", 'files = ["!*.py", "**"]', {}, false],
  [
    "an excluded directory excludes what is in it",
    'files = ["*.py", "!node_modules"]',
    file("/home/dev/shop/a/node_modules/b/c.py"),
    false,
  ],
  [
    "with a slash at its end too",
    'files = ["*.py", "!node_modules/"]',
    file("/home/dev/shop/node_modules/c.py"),
    false,
  ],
  [
    "and nothing that only looks like it",
    'files = ["*.py", "!node_modules"]',
    file("/home/dev/shop/node_modules2/c.py"),
    true,
  ],
  ["exclusions alone leave the rest", 'files = ["!*.md"]', {}, true],
  ["and take out theirs", 'files = ["!*.md"]', file("/home/dev/shop/a.md"), false],
  ["an event without a file does not match", 'files = ["**"]', file(null), false],
  ["nor with exclusions alone", 'files = ["!*.md"]', file(null), false],
  ["a hidden file is a file", 'files = ["**/*.py"]', file("/home/dev/shop/.x/.a.py"), true],
  ["a file outside the project has its absolute path", 'files = ["etc/*.conf"]', file("/etc/x.conf"), true],
  ["with the slash in front as well", 'files = ["/etc/*.conf"]', file("/etc/x.conf"), true],
  ["a neighbour whose name begins alike is outside", 'files = ["/*.py"]', file("/home/dev/shop2/a.py"), false],
  ["dots cannot leave the project in secret", 'files = ["src/**"]', file("/home/dev/shop/src/../../other/a.py"), false],
  [
    "and the place that they mean counts",
    'files = ["home/dev/other/**"]',
    file("/home/dev/shop/src/../../other/a.py"),
    true,
  ],
  [
    "without a project the absolute path counts",
    'files = ["home/**/*.py"]',
    file("/home/dev/shop/src/cart.py", null),
    true,
  ],
  ["with the root as project", 'files = ["/srv/*.py"]', file("/srv/a.py", "/"), true],
  [
    "a project with a slash at its end",
    'files = ["/src/*.py"]',
    file("/home/dev/shop/src/a.py", "/home/dev/shop/"),
    true,
  ],
  ["a program's relative subject is matched as it is", 'files = ["*.png"]', file("out.png"), true],
  ["spaces and quotes", 'files = ["*.py"]', file(`/home/dev/shop/it's "a" file.py`), true],
  ["a newline", 'files = ["*.py"]', file("/home/dev/shop/a\nb.py"), true],
  ["a newline does not hide the end", 'files = ["*.py"]', file("/home/dev/shop/a.py\n.txt"), false],
  ["a leading dash", 'files = ["*.py"]', file("/home/dev/shop/-rf.py"), true],
  ["shell code in a name", 'files = ["*.py"]', file("/home/dev/shop/$(touch x).py"), true],
  ["characters of globs in a name are plain", 'files = ["*.py"]', file("/home/dev/shop/[a]{b}*.py"), true],
  ["letters beyond ASCII", 'files = ["日本/*.py"]', file("/home/dev/shop/日本/ü😀.py"), true],
  ["an umlaut in two parts is the umlaut", 'files = ["ü.py"]', file("/home/dev/shop/u\u0308.py"), true],
  ["a second exclamation mark is part of the name", 'files = ["!!a.py"]', file("/home/dev/shop/!a.py"), false],
  ["case counts", 'files = ["*.PY"]', {}, false],
]);

const project = (path: string | null): Partial<Event> => ({ project: path });

table("projects", [
  ["matches the path", 'projects = ["/home/dev/shop"]', {}, true],
  ["with ~", 'projects = ["~/shop"]', {}, true],
  ["with a slash at its end", 'projects = ["~/shop/"]', {}, true],
  ["not what is inside", 'projects = ["~/shop"]', project("/home/dev/shop/inner"), false],
  ["not what begins alike", 'projects = ["~/shop"]', project("/home/dev/shop2"), false],
  ["a star is one directory", 'projects = ["~/code/*"]', project("/home/dev/code/shop"), true],
  ["and no deeper", 'projects = ["~/code/*"]', project("/home/dev/code/a/b"), false],
  ["two stars are any depth", 'projects = ["~/code/**"]', project("/home/dev/code/a/b"), true],
  ["dots cannot climb into a trusted place", 'projects = ["~/code/*"]', project("/home/dev/code/../evil"), false],
  ["an event without a project does not match", 'projects = ["/**"]', project(null), false],
  ["a name with brackets is matched as it is written", 'projects = ["~/[app]"]', project("/home/dev/[app]"), true],
]);

describe("projects and links", () => {
  const links = (path: string) => path.replace(/^\/home\/dev\/code(?=\/|$)/, "/mnt/code");

  test("a link in the file leads to the project", () => {
    expect(wants('projects = ["~/code/shop"]', project("/mnt/code/shop"), links)).toBe(true);
  });
  test("a link in the event leads to it too", () => {
    expect(wants('projects = ["/mnt/code/shop"]', project("/home/dev/code/shop"), links)).toBe(true);
  });
  test("a link in front of a wildcard is followed", () => {
    expect(wants('projects = ["~/code/*"]', project("/mnt/code/shop"), links)).toBe(true);
  });
  test("a link to somewhere else does not match by where it leads", () => {
    expect(wants('projects = ["~/shop"]', project("/mnt/code/shop"), links)).toBe(false);
  });
  test("the disk is not asked when the path is the same already", () => {
    const asked: string[] = [];
    const counting = (path: string) => {
      asked.push(path);
      return path;
    };
    expect(wants('projects = ["~/shop"]', {}, counting)).toBe(true);
    expect(asked).toEqual([]);
  });
});
