// The machines that a release is for, and the Bun each is compiled with: from npm, by name, and believed only when its bytes
// are those noted here. After a change of the pinned Bun: scripts/release says what it got instead of what it expected.
import type { Target } from "./runtime-switches.ts";

/** The Bun that the sums below are of. */
export const BUN = "1.4.5";

export type ReleaseTarget = {
  /** As install.sh names it. */
  name: string;
  target: Target;
  isMusl: boolean;
  /** The npm package that holds the runtime as bin/bun. */
  package: string;
  /** SHA-256 of bin/bun, in hex. */
  sha256: string;
};

export const RELEASE_TARGETS: ReleaseTarget[] = [
  {
    name: "linux-x64",
    target: "linux-x64",
    isMusl: false,
    package: "@oven/bun-linux-x64",
    sha256: "f05d28a3862f4b84395c7fa32480b835dd47482e80b7e7a49a115227f0c06083",
  },
  {
    name: "linux-arm64",
    target: "linux-arm64",
    isMusl: false,
    package: "@oven/bun-linux-aarch64",
    sha256: "04778f1f42399a69d086853e9c7af4acf574b2f21a43d0dc673853d8b84a2923",
  },
  {
    name: "linux-x64-musl",
    target: "linux-x64",
    isMusl: true,
    package: "@oven/bun-linux-x64-musl",
    sha256: "cf5d285ddbe256785a5121a3c113191a6b577504976374c7cfd5aedca609b720",
  },
  {
    name: "linux-arm64-musl",
    target: "linux-arm64",
    isMusl: true,
    package: "@oven/bun-linux-aarch64-musl",
    sha256: "9c48986093073afec8b76a3e285303598dd2462f52748aecb65e4d94866e1ea3",
  },
  {
    name: "darwin-arm64",
    target: "darwin-arm64",
    isMusl: false,
    package: "@oven/bun-darwin-aarch64",
    sha256: "e2984124f1514e1e6bbda20adedbf07a02c443c6a5828853a15c7c7abf78e19f",
  },
  {
    name: "darwin-x64",
    target: "darwin-x64",
    isMusl: false,
    package: "@oven/bun-darwin-x64",
    sha256: "88f97645b270aef20f9f9442f1658461cab3e7128e658af4615144e3396f084a",
  },
];

/** The targets named in "linux-x64,darwin-x64", in the table's order. Throws for a name that is not there. */
export function targetsNamed(list: string): ReleaseTarget[] {
  const names = list.split(",").filter(Boolean);
  const unknown = names.find((name) => !RELEASE_TARGETS.some((target) => target.name === name));
  if (unknown !== undefined || names.length === 0) {
    const known = RELEASE_TARGETS.map(({ name }) => name).join(", ");
    throw new Error(`no target ${JSON.stringify(unknown ?? list)}: there are ${known}`);
  }
  return RELEASE_TARGETS.filter(({ name }) => names.includes(name));
}
