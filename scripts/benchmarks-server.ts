// The local server of the benchmark's `curl` row: it listens on the loopback address, takes an event a request, parses it and
// appends it to the file that is its argument. Its first line on stdout is its port. It ends with its stdin.
import { appendFileSync } from "node:fs";

const [path = ""] = process.argv.slice(2);
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request) {
    const event = await request.json();
    appendFileSync(path, `${JSON.stringify(event)}\n`);
    return new Response(null, { status: 204 });
  },
});
console.log(server.port);
await Bun.stdin.text();
await server.stop(true);
