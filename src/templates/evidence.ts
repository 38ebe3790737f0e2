// What in a project speaks for each template: the name of the file that does, or null. Pure over the files that were looked at.
import type { ProjectFiles } from "./project-files.ts";

/** What speaks for the templates of tools, by id. Formatting that writes and alerts are nobody's to guess. */
export function evidenceIn(files: ProjectFiles): Readonly<Record<string, string | null>> {
  const manifest = files.json("package.json");
  const inPackage = (name: string) => (dependsOn(manifest, name) ? `${name} in package.json` : null);
  const keyOf = (key: string) => (manifest !== null && Object.hasOwn(manifest, key) ? `${key} in package.json` : null);
  const pyproject = files.toml("pyproject.toml");
  const ruff = at(pyproject, "tool", "ruff") !== null ? "tool.ruff in pyproject.toml" : null;
  const ruffFile = files.top(/^\.?ruff\.toml$/);
  const biome = files.top(/^\.?biome\.jsonc?$/);
  const biomePart = (part: string) =>
    at(biome === null ? null : files.json(biome), part, "enabled") === false
      ? null
      : (biome ?? inPackage("@biomejs/biome"));
  const vitest = files.top(/^vitest\.(config|workspace)\.[cm]?[jt]s$/) ?? inPackage("vitest");
  const jest = files.top(/^jest\.config\.([cm]?[jt]s|json)$/) ?? keyOf("jest") ?? inPackage("jest");
  const go = files.top(/^go\.work$/) ?? files.first(/^go\.mod$/);
  const goTest = files.first(/_test\.go$/);
  const cargo = files.first(/^Cargo\.toml$/);
  const clippy = files.top(/^\.?clippy\.toml$/) ?? clippyLints(files);

  return {
    ruff: ruffFile ?? ruff ?? preCommit(files, /\bid:\s*ruff(-check)?\s*$/m),
    "ruff-format":
      (ruffFile !== null && at(files.toml(ruffFile), "format") !== null ? ruffFile : null) ??
      (at(pyproject, "tool", "ruff", "format") !== null ? "tool.ruff.format in pyproject.toml" : null) ??
      preCommit(files, /\bid:\s*ruff-format\s*$/m),
    eslint:
      files.top(/^eslint\.config\.[cm]?[jt]s$/) ??
      files.top(/^\.eslintrc(\.([cm]?js|json|ya?ml))?$/) ??
      keyOf("eslintConfig") ??
      inPackage("eslint"),
    biome: biomePart("linter"),
    "biome-format": biomePart("formatter"),
    oxlint: files.top(/^(\.oxlintrc\.jsonc?|oxlint\.config\.m?ts)$/) ?? inPackage("oxlint"),
    prettier:
      files.top(/^\.prettierrc(\.([cm]?[jt]s|json5?|ya?ml|toml))?$/) ??
      files.top(/^prettier\.config\.[cm]?[jt]s$/) ??
      keyOf("prettier") ??
      inPackage("prettier"),
    tsc: files.top(/^tsconfig\.json$/),
    shellcheck: files.top(/^\.shellcheckrc$/) ?? files.first(/\.(sh|bash)$/),
    gofmt: go,
    "go-vet": go,
    "go-test": go === null ? null : goTest,
    // clippy does what check does: one of the two.
    "cargo-check": clippy === null ? cargo : null,
    "cargo-clippy": cargo === null ? null : clippy,
    "cargo-fmt": cargo === null ? null : files.top(/^\.?rustfmt\.toml$/),
    "cargo-test": cargo === null ? null : rustTest(files),
    pytest: pytest(files, pyproject),
    vitest,
    jest,
    "bun-test": bunTest(files, manifest, vitest ?? jest),
  };
}

function pytest(files: ProjectFiles, pyproject: Record<string, unknown> | null): string | null {
  const table = at(pyproject, "tool", "pytest");
  return (
    files.top(/^\.?pytest\.(ini|toml)$/) ??
    (table === null ? null : "tool.pytest in pyproject.toml") ??
    (/^\[pytest\]/m.test(files.text("tox.ini") ?? "") ? "pytest in tox.ini" : null) ??
    (/^\[tool:pytest\]/m.test(files.text("setup.cfg") ?? "") ? "tool:pytest in setup.cfg" : null) ??
    files.first(/^(conftest|test_.*|.*_test)\.py$/)
  );
}

function bunTest(files: ProjectFiles, manifest: Record<string, unknown> | null, other: string | null): string | null {
  const scripts = Object.values(tableAt(manifest, "scripts"));
  if (scripts.some((script) => typeof script === "string" && /\bbun test\b/.test(script)))
    return '"bun test" in package.json';
  const lock = files.top(/^bun\.lockb?$/);
  return other === null && lock !== null ? files.first(/[._](test|spec)\.[cm]?[jt]sx?$/) : null;
}

function rustTest(files: ProjectFiles): string | null {
  const sources = ["src/lib.rs", "src/main.rs"];
  const withTests = sources.find((name) => /^\s*#\[cfg\(test\)\]/m.test(files.text(name) ?? ""));
  return withTests ?? files.inside("tests", /\.rs$/);
}

function clippyLints(files: ProjectFiles): string | null {
  const cargo = files.toml("Cargo.toml");
  const isThere = at(cargo, "lints", "clippy") !== null || at(cargo, "workspace", "lints", "clippy") !== null;
  return isThere ? "lints.clippy in Cargo.toml" : null;
}

function preCommit(files: ProjectFiles, pattern: RegExp): string | null {
  const name = ".pre-commit-config.yaml";
  return pattern.test(files.text(name) ?? "") ? name : null;
}

function dependsOn(manifest: Record<string, unknown> | null, name: string): boolean {
  return ["dependencies", "devDependencies"].some((key) => Object.hasOwn(tableAt(manifest, key), name));
}

function tableAt(table: Record<string, unknown> | null, key: string): Record<string, unknown> {
  const value = at(table, key);
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** What stands at a path in a table; null: nothing. */
function at(table: unknown, ...keys: readonly string[]): unknown {
  let value = table;
  for (const key of keys) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return null;
    value = (value as Record<string, unknown>)[key];
  }
  return value ?? null;
}
