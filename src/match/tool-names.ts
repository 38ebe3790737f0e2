// Tools that Claude Code has renamed. Consumers and payloads may use either name. Source: Claude Code 2.1.329, which folds
// the old names into the new ones for its own matchers and sends the new ones.

const PRESENT_NAMES = new Map([
  ["Task", "Agent"],
  ["KillShell", "TaskStop"],
  ["KillBash", "TaskStop"],
  ["ListMcpResources", "ListMcpResourcesTool"],
  ["ReadMcpResource", "ReadMcpResourceTool"],
  ["Brief", "SendUserMessage"],
  ["ListPeers", "ListAgents"],
  ["ProposeGoal", "SetGoal"],
]);

/** The name that a tool has today; a name that was never changed is returned as it is. */
export function presentToolName(name: string): string {
  return PRESENT_NAMES.get(name) ?? name;
}
