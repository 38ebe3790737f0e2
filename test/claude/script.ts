// The scripts that the model of these runs plays: what it says and which tools it calls, turn by turn. Pure.
import { join } from "node:path";
import { type Block, type Model, turnsSpoken } from "../../src/rehearsal/claude-api.ts";

/** Turns of the main conversation, and of each subagent by the prompt it is given. */
export type Script = { main: Block[][]; agents: { prompt: string; turns: Block[][] }[] };

/**
 * Plays a script. Which turn a request gets follows from the request alone: its conversation (a subagent's is known by its prompt)
 * and how often the assistant has spoken in it. So subagents cannot take each other's turns. Past the last turn it says "done".
 */
export function playerOf(script: Script): Model {
  return (messages) => {
    const first = JSON.stringify(messages.find((message) => message.role === "user")?.content ?? null);
    const agent = script.agents.find(({ prompt }) => first.includes(prompt));
    const turn = turnsSpoken(messages);
    const blocks = (agent?.turns ?? script.main)[turn] ?? [{ type: "text", text: "done" }];
    return { conversation: agent?.prompt ?? "main", turn, blocks };
  };
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

/** Ids are counted, not random, so that two runs of one script can be compared. */
function toolUses(): (name: string, input: Record<string, unknown>) => Block {
  let count = 0;
  return (name, input) => ({ type: "tool_use", id: `toolu_scripted_${String(++count).padStart(4, "0")}`, name, input });
}
