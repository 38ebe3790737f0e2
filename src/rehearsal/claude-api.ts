// A Messages API on loopback that plays a model, so that the real Claude Code runs its real tools and hooks with no account and no
// network. It keeps every request, with times: what the model was shown, and how long the agent was away.

/** One block of an answer, as the Messages API returns it. */
export type Block =
  | { type: "text"; text: string }
  | { type: "tool_use"; id: string; name: string; input: Record<string, unknown> };

/** One message of a request, as the Messages API takes it. */
export type Message = { role: string; content: unknown };

/** Plays the model: what it says to the messages so far. `conversation`: "main", or whatever tells a subagent's from it. */
export type Model = (messages: readonly Message[]) => { conversation: string; turn: number; blocks: Block[] };

/** One request with tools: what the model was shown, and when (ms since the API was opened). */
export type SeenRequest = {
  conversation: string;
  turn: number;
  /** When the request had arrived, and when its whole answer was handed over. */
  arrivedMs: number;
  answeredMs: number;
  messages: Message[];
};

export type Api = { url: string; requests: SeenRequest[]; close(): Promise<void> };

type Body = { model: string; stream?: boolean; tools?: unknown[]; messages: Message[] };

const USAGE = { input_tokens: 11, output_tokens: 7 };

/** Serves a model on a free port of 127.0.0.1 until closed. */
export function openApi(model: Model): Api {
  const openedMs = performance.now();
  const requests: SeenRequest[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 120,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/v1/messages/count_tokens") return Response.json({ input_tokens: USAGE.input_tokens });
      if (pathname !== "/v1/messages") return Response.json({ type: "error" }, { status: 404 });
      const arrivedMs = performance.now() - openedMs;
      const body = (await request.json()) as Body;
      // Without tools it is one of Claude Code's own side questions (a title, a summary): no turn of the model's.
      if ((body.tools ?? []).length === 0) return answerTo(body, [{ type: "text", text: "ok" }]);
      const { conversation, turn, blocks } = model(body.messages);
      const response = answerTo(body, blocks);
      const answeredMs = performance.now() - openedMs;
      requests.push({ conversation, turn, arrivedMs, answeredMs, messages: body.messages });
      return response;
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, requests, close: () => server.stop(true) };
}

/** How often the assistant has spoken: a request that is sent twice gets the same answer. */
export function turnsSpoken(messages: readonly Message[]): number {
  return messages.filter((message) => message.role === "assistant").length;
}

/** The agent's gaps in ms: from each answer to the next request of the main conversation, that is its tools and their hooks. */
export function gapsMs(requests: readonly SeenRequest[]): number[] {
  const main = requests.filter((request) => request.conversation === "main");
  return main.slice(1).map((request, index) => request.arrivedMs - (main[index]?.answeredMs ?? Number.NaN));
}

function answerTo(body: Body, blocks: readonly Block[]): Response {
  const stopReason = blocks.some((block) => block.type === "tool_use") ? "tool_use" : "end_turn";
  const id = `msg_${crypto.randomUUID().replaceAll("-", "")}`;
  const message = { id, type: "message", role: "assistant", model: body.model, stop_sequence: null };
  if (body.stream !== true)
    return Response.json({ ...message, content: blocks, stop_reason: stopReason, usage: USAGE });

  const lines: string[] = [];
  const send = (type: string, fields: object) => {
    lines.push(`event: ${type}`, `data: ${JSON.stringify({ type, ...fields })}`, "");
  };
  send("message_start", {
    message: { ...message, content: [], stop_reason: null, usage: { ...USAGE, output_tokens: 1 } },
  });
  blocks.forEach((block, index) => {
    // A block is opened empty and filled by a delta, as the Messages API streams it.
    const { start, delta } = streamed(block);
    send("content_block_start", { index, content_block: start });
    send("content_block_delta", { index, delta });
    send("content_block_stop", { index });
  });
  send("message_delta", { delta: { stop_reason: stopReason, stop_sequence: null }, usage: USAGE });
  send("message_stop", {});
  return new Response(`${lines.join("\n")}\n`, { headers: { "content-type": "text/event-stream" } });
}

function streamed(block: Block): { start: object; delta: object } {
  switch (block.type) {
    case "text":
      return { start: { type: "text", text: "" }, delta: { type: "text_delta", text: block.text } };
    case "tool_use": {
      const delta = { type: "input_json_delta", partial_json: JSON.stringify(block.input) };
      return { start: { ...block, input: {} }, delta };
    }
    default:
      return block satisfies never;
  }
}
