// What speaks against offhook after a run: is every recorded payload in the stream as it came, in order, rightly
// labelled, and was every consumer given its part. Pure; each function returns the list of problems, empty when all is
// well.
import { type Delivery, eventOfLine, type StreamEvent } from "./offhook.ts";
import type { Recording, Work } from "./recordings.ts";
import type { Scratch } from "./scratch.ts";

/** Both hold the same texts, each as often. */
export function sameTexts(actual: readonly string[], recorded: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const text of recorded) left.set(text, (left.get(text) ?? 0) + 1);
  const problems: string[] = [];
  for (const text of actual) {
    const count = left.get(text) ?? 0;
    if (count === 0) problems.push(`not recorded: ${text}`);
    else left.set(text, count - 1);
  }
  for (const [text, count] of left) if (count > 0) problems.push(`missing ${count} times: ${text}`);
  return problems;
}

/** Ids and places are unique, and the places come without a gap in the order printed. */
export function wellNumbered(stream: readonly StreamEvent[]): string[] {
  const problems = stream
    .filter((event, index) => index > 0 && event.seq !== (stream[index - 1]?.seq ?? 0) + 1)
    .map((event) => `seq ${event.seq} follows another than ${event.seq - 1}`);
  const ids = new Set(stream.map((event) => event.attributes.id));
  if (ids.size !== stream.length) problems.push(`${ids.size} ids for ${stream.length} events`);
  return problems;
}

/** Each tool call has one Pre, and one Post or failure after it. */
export function preBeforePost(stream: readonly StreamEvent[], calls: number): string[] {
  const byCall = Map.groupBy(
    stream.filter((event) => event.attributes.tooluseid !== undefined),
    (event) => String(event.attributes.tooluseid),
  );
  const problems: string[] = byCall.size === calls ? [] : [`${byCall.size} tool calls in the stream, not ${calls}`];
  for (const [id, events] of byCall) {
    const types = events.toSorted((a, b) => a.seq - b.seq).map((event) => String(event.attributes.type));
    const [pre, post] = types;
    const isPair =
      types.length === 2 && pre === "claude-code.PreToolUse" && /\.PostToolUse(Failure)?$/.test(post ?? "");
    if (!isPair) problems.push(`${id}: ${types.join(", ")}`);
  }
  return problems;
}

/** The attributes of each event say what its payload says. */
export function rightlyLabelled(stream: readonly StreamEvent[], scratch: Scratch): string[] {
  return stream.flatMap(({ attributes, data, seq }) => {
    const payload = JSON.parse(data) as Recording["payload"];
    const expected = {
      type: `claude-code.${payload.hook_event_name}`,
      sessionid: payload.session_id,
      agentid: payload.agent_id,
      tool: payload.tool_name,
      tooluseid: payload.tool_use_id,
      subject: payload.tool_input?.file_path ?? payload.tool_input?.notebook_path,
      project: scratch.project,
      depth: 0,
      duplicateof: undefined,
      datacontenttype: "application/json",
    };
    return Object.entries(expected)
      .filter(([name, value]) => attributes[name] !== value)
      .map(
        ([name, value]) => `seq ${seq}: ${name} is ${JSON.stringify(attributes[name])}, not ${JSON.stringify(value)}`,
      );
  });
}

/** Every one of `events` was delivered once, alone, and ended ok; nothing else was. */
export function allDeliveredOk(deliveries: readonly Delivery[], events: readonly StreamEvent[]): string[] {
  const unsettled = deliveries
    .filter((delivery) => delivery.state !== "ok")
    .map((delivery) => JSON.stringify(delivery));
  const ids = events.map((event) => String(event.attributes.id));
  return [
    ...unsettled,
    ...sameTexts(
      deliveries.flatMap((delivery) => delivery.eventIds),
      ids,
    ),
  ];
}

/** What worker.sh is for: the files that were written. */
export function forWorker(event: StreamEvent): boolean {
  const { type, tool } = event.attributes;
  return type === "claude-code.PostToolUse" && ["Write", "Edit", "NotebookEdit"].includes(String(tool));
}

/** The worker was given each of `events` whole on stdin, its file as one argument, and no BUN_ variable. */
export function workerGiven(work: readonly Work[], events: readonly StreamEvent[]): string[] {
  const asGiven = (event: StreamEvent, file: string) => `${event.attributes.id} ${JSON.stringify(file)} ${event.data}`;
  return [
    ...sameTexts(
      work.map((each) => asGiven(eventOfLine(each.event.trimEnd()), each.file)),
      events.map((event) => asGiven(event, String(event.attributes.subject))),
    ),
    ...work.flatMap((each) => each.bunVariables),
  ];
}
