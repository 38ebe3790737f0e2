// The answering half of what people change in a cluster: the owner of a partition carries out what lies in its list of requests.
//
// 1. read the oldest requests and apply them to the partition; each leaves a mark with its id there
// 2. commit: what they did and the marks are in Redis together, or this node owns the partition no more and says nothing
// 3. answer and take them out of the list, in one step
// An owner that ends between 2 and 3 leaves the requests to the next one, which finds the marks and does nothing twice.
import { messageOf } from "../errors.ts";
import type { Keys } from "../partition/keys.ts";
import type { Partition } from "../partition/partition.ts";
import type { Connection } from "../redis/connection.ts";
import { script } from "../redis/script.ts";
import type { AskedRequest, Place, Request, RequestAnswer } from "./requests.ts";

/** Requests that are carried out in one commit at most. */
const AT_ONCE = 50;
/** How long an answer waits for whoever asked, in ms. */
const ANSWER_KEPT_MS = 60_000;
/** Marks of requests are forgotten with those of events; this much later than now, so that they outlive a change of owner. */
const MARK_KEPT_MS = 3_600_000;

const ANSWER = script(
  "answer-requests",
  `
for at = 2, #KEYS do
  redis.call('LREM', KEYS[1], 1, ARGV[2 * at - 2])
  redis.call('SET', KEYS[at], ARGV[2 * at - 1], 'PX', ARGV[1])
end
return #KEYS - 1
`,
);

/** What the owner of a partition needs to carry out what is asked of it. `commit`: whether Redis has what the partition holds now. */
export type Answering = {
  connection: Connection;
  keys: Keys;
  place: Place;
  partition: Partition;
  commit(): Promise<boolean>;
};

/** What an owner has done and not said yet, by the id of the request: the figures, should the next look find the mark only. */
const unsaid = new WeakMap<Partition, Map<string, RequestAnswer>>();

/**
 * Carries out what lies in a partition's list, and answers. True: something was done, so the group's loop must look again where it
 * stands. Errors: those of the connection and of `commit`; nothing is answered then, and nothing is done twice later.
 */
export async function answerRequests({ connection, keys, place, partition, commit }: Answering): Promise<boolean> {
  const list = keys.ask(place.consumer, place.partition);
  const texts = (await connection.send("LRANGE", [list, 0, AT_ONCE - 1])) as string[];
  if (texts.length === 0) return false;
  const before = unsaid.get(partition) ?? new Map<string, RequestAnswer>();
  const answered = texts.map((text) => {
    const { id, request } = readRequest(text);
    return { text, id, answer: before.get(id) ?? applyOnce(partition, place.consumer, id, request) };
  });
  unsaid.set(partition, new Map(answered.map(({ id, answer }) => [id, answer])));
  // Before any word of it: whoever hears "done" may count on it, whatever becomes of this node.
  if (!(await commit())) return false;
  await connection.run(
    ANSWER,
    [list, ...answered.map(({ id }) => keys.answer(id))],
    [ANSWER_KEPT_MS, ...answered.flatMap(({ text, answer }) => [text, JSON.stringify(answer)])],
  );
  unsaid.delete(partition);
  return answered.some(({ answer }) => answer.kind === "done");
}

/** Applies a request unless its mark says that it was applied already. Never throws: what cannot be done is refused. */
export function applyOnce(partition: Partition, consumer: string, id: string, request: Request): RequestAnswer {
  const { stream } = partition;
  const mark = `@request:${id}`;
  if (stream.acceptedMs(consumer, mark) !== null)
    return { kind: "done", group: null, count: 0, ids: [], repeated: true };
  try {
    return stream.together(() => {
      const answer = applyRequest(partition, consumer, request);
      const { cursor } = stream.placeOf(consumer);
      const accepted = [{ key: mark, timeMs: Date.now() + MARK_KEPT_MS }];
      stream.decide({ consumer, ordered: true, cursor, deliveries: [], joins: [], skips: [], accepted });
      return answer;
    });
  } catch (error) {
    return { kind: "refused", why: messageOf(error) };
  }
}

/** Applies a request to a partition. Errors: the partition's own; it is of a kind that this offhook does not know. */
export function applyRequest(partition: Partition, consumer: string, request: Request): RequestAnswer {
  const { stream } = partition;
  const group = partition.inspect();
  const done = { kind: "done" as const, group, count: 0, ids: [], repeated: false };
  switch (request.kind) {
    case "pause":
    case "resume":
      stream.setPaused(consumer, request.kind === "pause");
      return done;
    case "retry-dead":
      return { ...done, count: stream.retryDead(request.deliveries) };
    case "purge-dead":
      return { ...done, count: stream.purgeDead(request.deliveries) };
    case "replay":
      partition.keep(request.events);
      return { ...done, ids: stream.replay(consumer, request.ordered, request.deliveries) };
    default:
      request satisfies never;
      throw new Error("its owner is older than this command: upgrade that node");
  }
}

/** Nobody but `ask` writes here; anything else is refused under an id that nobody waits for. */
function readRequest(text: string): { id: string; request: Request } {
  try {
    const { id, request } = JSON.parse(text) as AskedRequest;
    if (typeof id === "string" && typeof request?.kind === "string") return { id, request };
  } catch {
    // Below.
  }
  return { id: "unreadable", request: { kind: "unreadable" } as never };
}
