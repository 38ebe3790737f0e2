// `offhook install-service`: lets the machine's service manager run the daemon. Shows what it writes and runs; --dry-run only shows.
import { noMoreThan, parse } from "../cli/args.ts";
import { flush, print } from "../cli/print.ts";
import { wantedHome } from "../config/paths.ts";
import { lockHolder } from "../daemon/lock.ts";
import { EXIT, OffhookError } from "../errors.ts";
import {
  detect,
  install,
  invokingUser,
  outlook,
  plan,
  type ServicePlan,
  serviceHome,
  status,
  thisHost,
  type Wish,
} from "../service/service.ts";
import { ownBinary, repositoryOf } from "../system/own-binary.ts";

/** What `install-service --json` gives; it changes only by addition. `did`: null with --dry-run. */
type Report = {
  manager: string;
  files: { path: string; change: "new" | "changed" | "same"; text: string }[];
  commands: string[][];
  remarks: string[];
  did: "nothing" | "started" | "restarted" | null;
  pid: number | null;
};

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parse("install-service", argv, {
    system: { type: "boolean" },
    linger: { type: "boolean" },
    path: { type: "string" },
    "dry-run": { type: "boolean" },
    json: { type: "boolean" },
  });
  noMoreThan("install-service", positionals, 0);
  const wish: Wish = values.system ? "system" : "user";
  if (values.system && values.linger) {
    throw new OffhookError(
      EXIT.usage,
      "install-service: --linger is of a user's service",
      "leave it out: --system runs from boot on",
    );
  }
  const host = thisHost();
  const user = await invokingUser(wish, host);
  const found = detect(wish, host);
  if (found.kind === "none")
    throw new OffhookError(EXIT.noDaemon, `no service can be installed: ${found.why}`, found.instead);
  const binary = ownBinary();
  mustNotBeInRepository(binary);
  const home = process.env.OFFHOOK_HOME ? wantedHome() : serviceHome(user, host);
  const service = plan(found.manager, {
    binary,
    home,
    path: values.path ?? process.env.PATH ?? "",
    user,
    lang: process.env.LANG ?? null,
    linger: values.linger ?? false,
  });
  const remarks = [...service.remarks];
  if (values.path === undefined && process.env.SUDO_USER)
    remarks.push('this is the PATH of sudo; to have yours: --path "$PATH"');
  const before = await outlook(service, host);
  const holder = await otherHolder(home, wish);
  const isDry = values["dry-run"] ?? false;
  if (holder !== null) {
    const conflict = `offhook consume (pid ${holder}) holds ${home}, so the service would end at once with 75`;
    if (!isDry)
      throw new OffhookError(
        EXIT.busy,
        conflict,
        `end that one first: kill ${holder}, or where it is a service: offhook uninstall-service; then do this again. Events wait meanwhile`,
      );
    remarks.unshift(conflict);
  }
  if (!values.json) for (const line of shown(service, before.files, before.commands, remarks)) print(line);
  flush(); // Starting may take its time.
  const did = isDry ? null : await install(service, host);
  if (values.json) {
    const report: Report = {
      manager: service.manager,
      files: before.files.map((file, at) => ({ ...file, text: service.files[at]?.text ?? "" })),
      commands: before.commands,
      remarks,
      did: did?.did ?? null,
      pid: did?.status.pid ?? null,
    };
    print(JSON.stringify(report));
  } else if (did === null) print("Nothing was written or run: --dry-run.");
  else print(`${ANSWERS[did.did]} (${service.name}, pid ${did.status.pid ?? "?"}). How it is: offhook service status`);
  flush();
  return EXIT.ok;
}

const ANSWERS = { nothing: "It runs already", started: "It runs", restarted: "It runs again" } as const;

function shown(
  service: ServicePlan,
  files: { path: string; change: string }[],
  commands: string[][],
  remarks: readonly string[],
): string[] {
  const lines: string[] = [];
  for (const [at, { path, change }] of files.entries()) {
    lines.push(change === "same" ? `${path}: as it should be` : `${path}: ${change}`);
    if (change !== "same")
      lines.push(
        ...(service.files[at]?.text ?? "")
          .trimEnd()
          .split("\n")
          .map((line) => `  ${line}`),
      );
  }
  lines.push(...(commands.length > 0 ? ["run:"] : []), ...commands.map((argv) => `  ${argv.join(" ")}`));
  return [...lines, "", ...remarks.map((remark) => `- ${remark}`), ""];
}

/** The pid of a daemon on this home that is not the service's own; null: none. A home of another user is not looked into. */
async function otherHolder(home: string, wish: Wish): Promise<number | null> {
  const { pid } = await status(wish);
  const holder = lockHolder(home);
  return holder === null || holder.pid === pid || holder.command !== undefined ? null : holder.pid;
}

/** What a repository holds changes with it: a service would run whatever is checked out. */
function mustNotBeInRepository(binary: string): void {
  const repository = repositoryOf(binary);
  if (repository === null) return;
  throw new OffhookError(
    EXIT.config,
    `this offhook lies in a repository: ${binary}`,
    `copy it first: install -D ${binary} ~/.local/bin/offhook && ~/.local/bin/offhook install-service`,
  );
}
