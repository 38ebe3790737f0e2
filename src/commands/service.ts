// `offhook service status|restart|logs`: the daemon as the machine's service manager sees it.
import { countOption, noMoreThan, parse } from "../cli/args.ts";
import { flush, oneLine, paint, print } from "../cli/print.ts";
import { EXIT, OffhookError } from "../errors.ts";
import { logs, restart, type ServiceStatus, status, type Wish } from "../service/service.ts";

const LINES = 50;

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parse("service", argv, {
    system: { type: "boolean" },
    lines: { type: "string" },
    json: { type: "boolean" },
  });
  noMoreThan("service", positionals, 1);
  const [verb] = positionals;
  const wish: Wish | null = values.system ? "system" : null;
  const lines = countOption("service", "lines", values.lines);
  if (lines !== null && verb !== "logs")
    throw new OffhookError(EXIT.usage, "service: --lines is of logs", "offhook service --help");
  switch (verb) {
    case "status":
      return show(await status(wish), values.json);
    case "restart":
      return show(await restart(wish), values.json);
    case "logs": {
      const said = await logs(lines ?? LINES, wish);
      if (values.json) print(JSON.stringify({ lines: said }));
      else for (const line of said) print(oneLine(line));
      flush();
      return EXIT.ok;
    }
    default:
      throw new OffhookError(
        EXIT.usage,
        verb === undefined ? "service: what about it?" : `service: there is no "${verb}"`,
        "offhook service status, restart or logs",
      );
  }
}

function show(service: ServiceStatus, isJson: boolean | undefined): number {
  if (isJson) print(JSON.stringify(service));
  else for (const line of described(service)) print(line);
  flush();
  if (!service.installed) return EXIT.notFound;
  return service.running ? EXIT.ok : EXIT.failed;
}

function described(service: ServiceStatus): string[] {
  if (!service.installed) return ["No service of offhook is installed. To have one: offhook install-service"];
  const { running, state, pid, since, enabled, restarts } = service;
  const lines = [
    `${paint(running ? "green" : "red", running ? "runs" : "does not run")}: ${oneLine(state)}${pid === null ? "" : `, pid ${pid}`}${since === null ? "" : `, since ${since}`}`,
    `${service.manager}, ${enabled ? "comes back by itself" : "does not come back by itself: offhook install-service mends that"}${restarts ? `, started again ${restarts} times` : ""}`,
    `file     ${service.file}`,
    `program  ${oneLine(service.binary ?? "?")}`,
    `PATH     ${oneLine(service.path ?? "?")}`,
  ];
  if (running || service.lastLog.length === 0) return lines;
  return [...lines, "last lines:", ...service.lastLog.map((line) => `  ${oneLine(line)}`)];
}
