// A Messages API on loopback that answers from a script, so that the real Claude Code runs its real tools and hooks
// with no account and no network. It keeps every request, with times: what the model saw, and how long the agent was
// away.
//
// Which turn a request gets follows from the request alone: its conversation (a subagent's is known by its prompt) and
// how often the assistant has spoken in it. So a request that is sent twice gets the same answer, and subagents cannot
// take each other's turns.
import { type Block, conversationOf, type Message, type Script, turnOf } from "./script.ts";

/** One request with tools: what the model was shown, and when (ms since the API was opened). */
export type SeenRequest = {
  conversation: string;
  turn: number;
  /** When the request had arrived, and when its whole answer was handed over. */
  arrivedMs: number;
  answeredMs: number;
  messages: Message[];
};

export type ScriptedApi = {
  url: string;
  requests: SeenRequest[];
  close(): Promise<void>;
};

type Body = { model: string; stream?: boolean; tools?: unknown[]; messages: Message[] };

const USAGE = { input_tokens: 11, output_tokens: 7 };

/** Serves `script` on a free port of 127.0.0.1 until closed. Past the last turn the answer is the text "done". */
export function openScriptedApi(script: Script): ScriptedApi {
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
      // Without tools it is one of Claude Code's own side questions (a title, a summary): no turn of the script.
      if ((body.tools ?? []).length === 0) return answer(body, [{ type: "text", text: "ok" }]);

      const conversation = conversationOf(script, body.messages);
      const turn = body.messages.filter((message) => message.role === "assistant").length;
      const response = answer(body, turnOf(script, conversation, turn));
      const answeredMs = performance.now() - openedMs;
      requests.push({ conversation, turn, arrivedMs, answeredMs, messages: body.messages });
      return response;
    },
  });

  return {
    url: `http://127.0.0.1:${server.port}`,
    requests,
    close: () => server.stop(true),
  };
}

/**
 * The agent's gaps in ms: from each answer to the next request of the main conversation, that is its tools and their
 * hooks.
 */
export function gapsMs(requests: readonly SeenRequest[]): number[] {
  const main = requests.filter((request) => request.conversation === "main");
  return main.slice(1).map((request, index) => request.arrivedMs - (main[index]?.answeredMs ?? Number.NaN));
}

function answer(body: Body, blocks: readonly Block[]): Response {
  const stopReason = blocks.some((block) => block.type === "tool_use") ? "tool_use" : "end_turn";
  const message = {
    id: `msg_${crypto.randomUUID().replaceAll("-", "")}`,
    type: "message",
    role: "assistant",
    model: body.model,
    stop_sequence: null,
  };
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
    // A block is opened empty and filled by deltas, as the Messages API streams it.
    const [content_block, delta] =
      block.type === "text"
        ? [
            { type: "text", text: "" },
            { type: "text_delta", text: block.text },
          ]
        : [
            { ...block, input: {} },
            { type: "input_json_delta", partial_json: JSON.stringify(block.input) },
          ];
    send("content_block_start", { index, content_block });
    send("content_block_delta", { index, delta });
    send("content_block_stop", { index });
  });
  send("message_delta", { delta: { stop_reason: stopReason, stop_sequence: null }, usage: USAGE });
  send("message_stop", {});
  return new Response(`${lines.join("\n")}\n`, { headers: { "content-type": "text/event-stream" } });
}
