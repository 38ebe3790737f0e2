// The scripts that the model of these runs plays: what it says and which tools it calls, turn by turn. Pure.
import { join } from "node:path";

/** One message of a request, as the Messages API takes it. */
export type Message = { role: string; content: unknown };

/** One block of an answer, as the Messages API returns it. */
export type Block =
  | { type: "text"; text: string }
  | { type: "tool_use"; id: string; name: string; input: Record<string, unknown> };

/** Turns of the main conversation, and of each subagent by the prompt it is given. */
export type Script = { main: Block[][]; agents: { prompt: string; turns: Block[][] }[] };

/** "main", or the prompt of the subagent that `messages` belong to. */
export function conversationOf(script: Script, messages: readonly Message[]): string {
  const first = JSON.stringify(messages.find((message) => message.role === "user")?.content ?? null);
  return script.agents.find((agent) => first.includes(agent.prompt))?.prompt ?? "main";
}

/** What the assistant says at `turn`, counted from 0; past the end it is done. */
export function turnOf(script: Script, conversation: string, turn: number): Block[] {
  const turns = script.agents.find((agent) => agent.prompt === conversation)?.turns ?? script.main;
  return turns[turn] ?? [{ type: "text", text: "done" }];
}

/** What the whole script writes, by name: spaces, letters outside ASCII, and what a shell would act on. */
export const WRITTEN = {
  "année à jour.py": 'print("né en été ✓")\n',
  "größe $(touch x) 'q'.txt": 'a\u2028b \\ " \t end\n',
  "parallel one.txt": "1\n",
  "parallel ②.txt": "2\n",
  "-three.txt": "3\n",
  "by the second party.txt": "from a subagent\n",
};

const AGENT_PROMPT = "Write the file of the second party.";

/**
 * One of everything that calls a hook: Read, Write, Edit, NotebookEdit, a failing Bash, three Writes in one turn, a
 * subagent. `project` holds calc.py and notes.ipynb. A background subagent stops whenever it is ready; one in the
 * foreground has its place in the order, so that two runs are the same.
 */
export function wholeScript(project: string, subagent: "foreground" | "background"): Script {
  const use = toolUses();
  const at = (name: string) => join(project, name);
  const write = (name: keyof typeof WRITTEN) => use("Write", { file_path: at(name), content: WRITTEN[name] });
  const turns = [
    [use("Read", { file_path: at("calc.py") }), use("Read", { file_path: at("notes.ipynb") })],
    [write("année à jour.py")],
    [write("größe $(touch x) 'q'.txt")],
    [use("Edit", { file_path: at("calc.py"), old_string: "return a + b", new_string: "return a + b  # sum" })],
    [use("NotebookEdit", { notebook_path: at("notes.ipynb"), cell_id: "c1", new_source: "x = 2\n" })],
    [use("Bash", { command: "echo out; echo err >&2; exit 3", description: "Fails on purpose" })],
    [write("parallel one.txt"), write("parallel ②.txt"), write("-three.txt")],
    [
      use("Agent", {
        description: "Second party",
        prompt: AGENT_PROMPT,
        subagent_type: "general-purpose",
        run_in_background: subagent === "background",
      }),
    ],
  ];
  return {
    // It says something in each turn: Claude Code reminds a model that has been silent, which depends on time.
    main: [
      ...turns.map((turn): Block[] => [{ type: "text", text: "Next." }, ...turn]),
      [{ type: "text", text: "All done." }],
    ],
    agents: [
      {
        prompt: AGENT_PROMPT,
        turns: [[write("by the second party.txt")], [{ type: "text", text: "Written." }]],
      },
    ],
  };
}

/** `count` Writes, one a turn, each to a new file: what the gap is measured on. */
export function writesScript(project: string, count: number): Script {
  const use = toolUses();
  const source = "import os\n\n\ndef total(rows):\n    return sum(row.price for row in rows)\n".repeat(13);
  const turns = Array.from({ length: count }, (_, index) => [
    use("Write", { file_path: join(project, `file ${index}.py`), content: source }),
  ]);
  return { main: [...turns, [{ type: "text", text: "All done." }]], agents: [] };
}

/** Ids are counted, not random, so that two runs of one script can be compared. */
function toolUses(): (name: string, input: Record<string, unknown>) => Block {
  let count = 0;
  return (name, input) => ({ type: "tool_use", id: `toolu_scripted_${String(++count).padStart(4, "0")}`, name, input });
}
