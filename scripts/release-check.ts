// Looks at a binary of a release that may be for another machine: by its structure, which says whether a loader would take it.
// Whether it does what it should is shown by running it where that is possible (check-binary.ts).
import { elfNeeds } from "./elf.ts";
import { layoutOf, signatureOf } from "./macho.ts";
import { signed } from "./macho-sign.ts";
import type { ReleaseTarget } from "./release-targets.ts";

/** What the README promises of the machines that are not too old: docs/install.md says the same. */
const OLDEST = { glibc: "2.17", macOs: "13.0" };

const LOADERS: Record<string, string> = {
  "linux-x64": "/lib64/ld-linux-x86-64.so.2",
  "linux-arm64": "/lib/ld-linux-aarch64.so.1",
  "linux-x64-musl": "/lib/ld-musl-x86_64.so.1",
  "linux-arm64-musl": "/lib/ld-musl-aarch64.so.1",
};

const GLIBC_ITSELF = /^(libc\.so\.6|libpthread\.so\.0|libdl\.so\.2|libm\.so\.6|ld-linux-[a-z0-9_-]+\.so\.\d)$/;
const MUSL_AND_CPP = /^(libc\.musl-[a-z0-9_]+\.so\.1|libstdc\+\+\.so\.6|libgcc_s\.so\.1)$/;

export type Looked = { troubles: string[]; remarks: string[] };

/** What is wrong, one sentence each, and what was found. */
export function lookAt(bytes: Buffer, target: ReleaseTarget): Looked {
  return target.target.startsWith("darwin-") ? lookAtMachO(bytes, target) : lookAtElf(bytes, target);
}

function lookAtElf(bytes: Buffer, { name, target, isMusl }: ReleaseTarget): Looked {
  const { machine, loader, libraries, glibc } = elfNeeds(bytes);
  const troubles: string[] = [];
  if (!target.endsWith(machine)) troubles.push(`it is for ${machine}`);
  if (loader !== LOADERS[name]) troubles.push(`its loader is ${loader}`);
  const foreign = libraries.filter((library) => !(isMusl ? MUSL_AND_CPP : GLIBC_ITSELF).test(library));
  if (foreign.length > 0) troubles.push(`it needs ${foreign.join(", ")} too`);
  if (isMusl ? glibc !== null : glibc !== OLDEST.glibc) troubles.push(`it needs glibc ${glibc}`);
  return { troubles, remarks: [isMusl ? `needs ${libraries.join(", ")}` : `needs glibc ${glibc}, nothing else`] };
}

function lookAtMachO(bytes: Buffer, { target }: ReleaseTarget): Looked {
  const { cpu, minimumOs, signatureAt } = layoutOf(bytes);
  const { pages, wrongPages, signedBytes, identifier } = signatureOf(bytes);
  const troubles: string[] = [];
  if (!target.endsWith(cpu)) troubles.push(`it is for ${cpu}`);
  if (minimumOs !== OLDEST.macOs) troubles.push(`it needs macOS ${minimumOs}`);
  if (wrongPages.length > 0) troubles.push(`${wrongPages.length} of ${pages} pages are not as they were signed`);
  if (signedBytes !== signatureAt) troubles.push(`${signatureAt - signedBytes} bytes of it are not signed`);
  // Bun signs for arm64 by itself: the one place to see that our signature is as a working one is.
  if (cpu === "arm64" && !signed(bytes, identifier).equals(bytes)) {
    troubles.push("signing it ourselves gives other bytes than Bun's signature, so ours for x64 cannot be trusted");
  }
  return { troubles, remarks: [`${pages} signed pages, all right; macOS ${minimumOs}`] };
}
