// The house's rules as functions over the texts of files: each gives one sentence for each place that breaks it. Pure, so that
// every rule can be shown to fail. architecture.test.ts applies them to what is on disk.

/** Path from the top of the repository -> text. */
export type Files = Map<string, string>;

/** Which room may import which; "types" of a room: only with `import type`. A room is a directory of src. */
type Row = { rooms: string[]; types?: string[] };

const EVERY_ROOM = ["attempt", "bench", "claude", "cli", "cluster", "commands", "config", "daemon", "demo", "dispatch"]
  .concat([
    "doctor",
    "event",
    "fleet",
    "ledger",
    "match",
    "measure",
    "partition",
    "redact",
    "rehearsal",
    "redis",
    "report",
    "service",
    "setup",
    "spool",
    "stream",
  ])
  .concat(["system", "templates"]);

export const TABLE: Record<string, Row> = {
  main: { rooms: ["commands", "cli"] },
  commands: { rooms: EVERY_ROOM },
  daemon: {
    rooms: [
      "dispatch",
      "attempt",
      "match",
      "ledger",
      "stream",
      "spool",
      "config",
      "event",
      "system",
      "cluster",
      "fleet",
      "redact",
    ],
  },
  cluster: {
    rooms: [
      "partition",
      "relay",
      "dispatch",
      "attempt",
      "match",
      "redis",
      "redact",
      "ledger",
      "stream",
      "event",
      "config",
    ].concat(["system"]),
  },
  relay: { rooms: ["partition", "redis", "stream", "event"] },
  fleet: {
    rooms: ["cluster", "partition", "redis", "dispatch", "match", "ledger", "stream", "event", "config"],
  },
  partition: { rooms: ["ledger", "stream", "event", "redis"] },
  redis: { rooms: ["system"] },
  redact: { rooms: ["event"] },
  dispatch: { rooms: ["attempt", "match", "stream", "event", "system"], types: ["config"] },
  attempt: { rooms: ["event", "redact", "system"], types: ["config"] },
  match: { rooms: ["event"], types: ["config"] },
  ledger: { rooms: ["stream", "event"] },
  stream: { rooms: ["event"] },
  config: { rooms: ["event", "redact", "spool"] }, // spool: whether the home is a safe place, which spool/home.ts knows
  spool: { rooms: ["event", "system"] },
  claude: { rooms: ["event", "match", "spool", "system"], types: ["config"] },
  service: { rooms: ["event", "system"] },
  templates: { rooms: ["config", "system"] },
  setup: {
    rooms: [
      "claude",
      "service",
      "templates",
      "config",
      "daemon",
      "event",
      "ledger",
      "match",
      "redis",
      "spool",
      "system",
      "cli",
    ],
    types: ["attempt"],
  },
  doctor: {
    rooms: [
      "claude",
      "service",
      "setup",
      "config",
      "daemon",
      "event",
      "ledger",
      "match",
      "redis",
      "spool",
      "stream",
      "system",
    ],
  },
  bench: { rooms: ["measure", "rehearsal", "report", "ledger"] },
  rehearsal: { rooms: ["measure"], types: ["claude"] },
  limits: { rooms: ["measure", "report", "event"] },
  measure: { rooms: ["report", "ledger", "stream", "config", "event"] },
  report: { rooms: [] },
  demo: { rooms: ["event"] },
  cli: { rooms: [], types: ["ledger"] },
  system: { rooms: [] },
  event: { rooms: [] },
  errors: { rooms: [] },
  version: { rooms: [] },
};

/** Who does without errors.ts and version.ts, which all others may import. */
const WITHOUT_TOP = ["event", "errors", "version"];

/** What `publish` may load: one command a hook, so every file and every module here is paid for each time. */
export const HOT_PATH = {
  files: [
    "src/commands/publish-request.ts",
    "src/commands/publish.ts",
    "src/main.ts",
    "src/spool/append.ts",
    "src/spool/home.ts",
    "src/spool/object-end.ts",
    "src/spool/stdin.ts",
    "src/spool/trouble.ts",
    "src/system/files.ts",
    "src/system/libc.ts",
  ],
  modules: ["bun:ffi"],
};

const LINE_LIMIT = 250;
const DRAWERS = /^(index|utils?|helpers?|types?|misc|common|shared|lib|manager|handlers?|base|constants)$/;
/** The programs among the files of src: each ends its own process. */
const PROGRAMS = ["src/main.ts", "src/measure/null.ts"];

type Import = { path: string; isType: boolean; line: number };

/** Every import and re-export of a text, `import()` with a literal included. */
export function importsOf(text: string): Import[] {
  const found: Import[] = [];
  const add = (at: number, path: string | undefined, isType: boolean) => {
    if (path !== undefined) found.push({ path, isType, line: text.slice(0, at).split("\n").length });
  };
  const statement = /^[ \t]*(?:import|export)\s+(type\s+)?(?:[\w*$\s,{}]+?\s+from\s+)?"([^"\n]+)"/gm;
  for (const { 0: whole, 1: type, 2: path, index } of text.matchAll(statement)) {
    add(index + whole.length, path, type !== undefined);
  }
  for (const { 1: path, index } of text.matchAll(/\b(?:import|require)\(\s*"([^"\n]+)"/g)) add(index, path, false);
  return found;
}

/** Imports between rooms that the table does not have. */
export function forbiddenImports(files: Files): string[] {
  return [...files].flatMap(([file, text]) => {
    const from = roomOf(file);
    const row = TABLE[from];
    if (row === undefined) return [`${file}: the room "${from}" has no row in the table of test/house-rules.ts`];
    return importsOf(text).flatMap(({ path, isType, line }) => {
      if (!path.startsWith(".")) return [];
      const target = new URL(path, `file:///${file}`).pathname.slice(1);
      if (!target.startsWith("src/")) return [`${file}:${line}: src imports ${path}, which is not in src`];
      const to = roomOf(target);
      if (to === from || row.rooms.includes(to) || (isType && row.types?.includes(to))) return [];
      if ((to === "errors" || to === "version") && !WITHOUT_TOP.includes(from)) return [];
      const only = row.types?.includes(to) ? "only types of " : "nothing of ";
      return [`${file}:${line}: ${from} may import ${only}${to}: ${path}`];
    });
  });
}

function roomOf(file: string): string {
  const [, room = ""] = file.split("/");
  return room.replace(/\.ts$/, "");
}

/** Carried to a machine alone, so each is one file however long. */
const ALONE = ["scripts/install.sh", "scripts/mac-check"];

/** Files of more than 250 lines. */
export function tooLong(files: Files): string[] {
  return [...files].flatMap(([file, text]) => {
    if (ALONE.includes(file)) return [];
    const lines = text.replace(/\n$/, "").split("\n").length;
    return lines > LINE_LIMIT ? [`${file}: ${lines} lines, the limit is ${LINE_LIMIT}`] : [];
  });
}

/** Drawers (utils, helpers, types, index) and names that are not kebab-case. */
export function badNames(paths: string[]): string[] {
  return paths.flatMap((path) => {
    const parts = path.split("/").map((part) => part.replace(/(\.d)?\.\w+$/, ""));
    return parts.flatMap((part) => {
      if (DRAWERS.test(part)) return [`${path}: "${part}" is a drawer, not a concept`];
      return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(part) ? [] : [`${path}: "${part}" is not kebab-case`];
    });
  });
}

/** process.exit and its like outside the programs. */
export function exitsElsewhere(files: Files): string[] {
  return linesWith(/\bprocess\s*\.\s*(exit|reallyExit|abort)\b/, files)
    .filter(({ file }) => !PROGRAMS.includes(file))
    .map(({ file, line }) => `${file}:${line}: only src/main.ts ends the process`);
}

/** Exit code 2, which Claude Code reads as "block". */
export function exitsWithTwo(files: Files): string[] {
  return linesWith(
    /\bprocess\s*\.\s*exit\(\s*2\s*\)|\bexit(Code)?\w*\s*[:=]\s*2\b(?!\s*[.\d])|\bOffhookError\(\s*2\b/i,
    files,
  ).map(({ file, line }) => `${file}:${line}: exit code 2 blocks the agent`);
}

/** Files that do not begin with a comment: what they are for, what they must not do. */
export function withoutOpening(files: Files): string[] {
  return [...files].flatMap(([file, text]) => {
    return /^(#!.*\n)?(\/\/|#) \S/.test(text) ? [] : [`${file}: begins without a comment that says what it is for`];
  });
}

function linesWith(pattern: RegExp, files: Files): { file: string; line: number }[] {
  return [...files].flatMap(([file, text]) =>
    text.split("\n").flatMap((line, index) => {
      const code = line.replace(/^\s*(\/\/|\*|\/\*).*/, "");
      return pattern.test(code) ? [{ file, line: index + 1 }] : [];
    }),
  );
}

/** The parts of a bundle's metafile that say what a chunk holds and what it loads. */
export type Metafile = {
  inputs: Record<string, { imports: { path: string; kind: string; original?: string; external?: boolean }[] }>;
  outputs: Record<
    string,
    { entryPoint?: string; inputs: Record<string, unknown>; imports: { path: string; kind: string }[] }
  >;
};

/** What is loaded when the entries' chunks are: their files and modules, and those of every chunk they import statically. */
export function closureOf(metafile: Metafile, entries: string[]): { files: string[]; modules: string[] } {
  const chunks = new Set<string>();
  const visit = (name: string) => {
    if (chunks.has(name)) return;
    chunks.add(name);
    for (const { path, kind } of metafile.outputs[name]?.imports ?? []) if (kind !== "dynamic-import") visit(path);
  };
  for (const entry of entries) {
    const chunk = Object.keys(metafile.outputs).find((name) => metafile.outputs[name]?.entryPoint === entry);
    if (chunk === undefined) throw new Error(`no chunk begins with ${entry}: is it still loaded with import()?`);
    visit(chunk);
  }
  const files = [...chunks].flatMap((chunk) => Object.keys(metafile.outputs[chunk]?.inputs ?? {}));
  const imports = files.flatMap((file) => metafile.inputs[file]?.imports ?? []);
  const loaded = imports.filter(({ external, kind }) => external && kind !== "dynamic-import");
  const modules = loaded.map(({ path, original }) => original ?? path);
  return { files: [...new Set(files)].sort(), modules: [...new Set(modules)].sort() };
}
