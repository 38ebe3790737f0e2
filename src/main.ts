// The way in: the first word names a command, which is loaded only then. The only place that ends the process.
// Imports nothing, so that `publish` starts with nothing but its own files.

type Command = { run(argv: string[]): number | Promise<number> };

const COMMANDS: Record<string, () => Promise<Command>> = {
  publish: () => import("./commands/publish.ts"),
  consume: () => import("./commands/consume.ts"),
  status: () => import("./commands/status.ts"),
  doctor: () => import("./commands/doctor.ts"),
  events: () => import("./commands/events.ts"),
  deliveries: () => import("./commands/deliveries.ts"),
  show: () => import("./commands/show.ts"),
  try: () => import("./commands/try.ts"),
  drain: () => import("./commands/drain.ts"),
  "dead-letters": () => import("./commands/dead-letters.ts"),
  replay: () => import("./commands/replay.ts"),
  pause: () => import("./commands/pause.ts"),
  resume: () => import("./commands/resume.ts"),
  forget: () => import("./commands/forget.ts"),
  prune: () => import("./commands/prune.ts"),
  cluster: () => import("./commands/cluster.ts"),
  "install-service": () => import("./commands/install-service.ts"),
  "uninstall-service": () => import("./commands/uninstall-service.ts"),
  service: () => import("./commands/service.ts"),
  setup: () => import("./commands/setup.ts"),
  uninstall: () => import("./commands/uninstall.ts"),
  demo: () => import("./commands/demo.ts"),
  bench: () => import("./commands/bench.ts"),
};

async function main(argv: string[]): Promise<number> {
  const [name, ...rest] = argv;
  switch (name) {
    case undefined:
      return bare();
    case "help":
    case "-h":
    case "--help":
      return help(rest);
    case "-V":
    case "--version":
    case "version": {
      const { version } = await import("./version.ts");
      console.log(version);
      return 0;
    }
    case "null": // The control of `offhook bench`; nobody else calls it, so it is in no list.
      return (await import("./commands/null.ts")).run();
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) return help([name]);
  if (asksForHelp(name, rest)) return help([name]);
  return (await load()).run(rest);
}

/** `offhook` alone: a hook of a Claude Code that ignores `args` (before 2.1.139) has something on stdin; a person has not. */
async function bare(): Promise<number> {
  const { fstatSync } = await import("node:fs");
  const stdin = fstatSync(0);
  if (stdin.isFIFO() || stdin.isSocket() || stdin.isFile()) return (await import("./commands/publish.ts")).run([]);
  return help([]);
}

async function help(names: string[]): Promise<number> {
  return (await import("./commands/help.ts")).run(names, [...Object.keys(COMMANDS), "help", "version"]);
}

/** A hook's line may hold anything: for `publish` only the first word counts. */
function asksForHelp(name: string, rest: string[]): boolean {
  const words = name === "publish" ? rest.slice(0, 1) : rest;
  return words.includes("--help") || words.includes("-h");
}

async function report(error: unknown): Promise<number> {
  return (await import("./cli/report.ts")).report(error);
}

const argv = process.argv.slice(2);
// An agent waits for `publish`: the way through main() would cost it 0.06 ms more. It throws nothing.
const isHook = argv[0] === "publish" && !asksForHelp("publish", argv.slice(1));
const code = isHook ? (await import("./commands/publish.ts")).run(argv.slice(1)) : await main(argv).catch(report);
// Claude Code reads exit code 2 as "block": whatever happened, it is not that.
process.exit(code === 2 ? 1 : code);
