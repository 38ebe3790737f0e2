// A program that is compiled sealed and unsealed, to see what the runtime's switches do. First argument: what it does.
import { existsSync, writeSync } from "node:fs";

switch (process.argv[2]) {
  case "fetch": {
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("answer") });
    const response = await fetch(server.url, { headers: { authorization: "secret-of-ours" } });
    writeSync(1, `${await response.text()}\n`);
    await server.stop();
    break;
  }
  case "outlive": {
    // Its parent ends meanwhile; then the file named by the second argument appears.
    writeSync(1, "ready\n");
    while (!existsSync(process.argv[3] ?? "")) await Bun.sleep(5);
    writeSync(1, "outlived\n");
    break;
  }
  case "work": {
    const endsAt = performance.now() + 100;
    let turns = 0;
    while (performance.now() < endsAt) turns += 1;
    writeSync(1, turns > 0 ? "worked\n" : "");
    break;
  }
  default:
    writeSync(1, "said\n");
}
