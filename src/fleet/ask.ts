// The asking half of what people change in a cluster: a request to the owner of a partition, by a list in Redis, and its answer.
// A request that nobody has answered in time stays in the list: the next owner carries it out. answer.ts is the other half.
import type { AskedRequest, Place, Request, RequestAnswer } from "../cluster/requests.ts";
import type { Keys } from "../partition/keys.ts";
import type { Connection } from "../redis/connection.ts";

const ASK_AGAIN_MS = 50;

/** Asks for one change each of several partitions. Gives the answers in the same order; null: not answered within timeoutMs, it stays asked for. */
export async function ask(
  connection: Connection,
  keys: Keys,
  requests: readonly { place: Place; request: Request }[],
  timeoutMs: number,
): Promise<(RequestAnswer | null)[]> {
  const asked = requests.map(({ place, request }) => {
    const one: AskedRequest = { id: Bun.randomUUIDv7(), askedMs: Date.now(), request };
    return { id: one.id, list: keys.ask(place.consumer, place.partition), text: JSON.stringify(one) };
  });
  for (const { list, text } of asked) await connection.send("RPUSH", [list, text]);
  const answers: (RequestAnswer | null)[] = asked.map(() => null);
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const open = answers.flatMap((answer, at) => (answer === null ? [at] : []));
    if (open.length === 0) return answers;
    const found = (await connection.send(
      "MGET",
      open.map((at) => keys.answer(asked[at]?.id ?? "")),
    )) as (string | null)[];
    for (const [index, text] of found.entries())
      if (text !== null) answers[open[index] ?? 0] = JSON.parse(text) as RequestAnswer;
    if (answers.every((answer) => answer !== null) || performance.now() > deadline) return answers;
    await Bun.sleep(ASK_AGAIN_MS);
  }
}
