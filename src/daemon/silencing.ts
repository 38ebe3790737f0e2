// What projects silence by their .offhook.toml. A file that asks for more is refused whole and reported, never obeyed: it came
// with a repository.
import type { ProjectFile, Silencing } from "../config/project-file.ts";

/** As many refused files as are remembered for those who look. */
const MOST_REFUSED = 100;

export type ProjectSilencing = {
  /** What the project's file silences; null: it has none, or a refused one. */
  silencingOf(project: string | null): Silencing | null;
  /** The files that were refused, and why. */
  refused(): { path: string; error: string }[];
};

/** Asks `find` for the file of a project; each refusal is said once. */
export function makeSilencing(
  find: (project: string | null) => ProjectFile | null,
  log: (line: string) => void,
): ProjectSilencing {
  const refused = new Map<string | null, { path: string; error: string }>();
  return {
    silencingOf(project) {
      const file = find(project);
      if (file === null || file.error === null) {
        refused.delete(project);
        return file?.silencing ?? null;
      }
      if (refused.get(project)?.error !== file.error) {
        if (refused.size >= MOST_REFUSED) refused.delete(refused.keys().next().value ?? null);
        refused.set(project, { path: file.path, error: file.error });
        log(`refused: ${file.error}`);
      }
      return null;
    },
    refused: () => [...refused.values()],
  };
}
