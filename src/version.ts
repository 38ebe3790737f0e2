// The version of this program, put in by the build (scripts/compile.ts) from package.json. On the hot path: imports nothing.
declare const BUILD_VERSION: string;

/** The built version, or "0.0.0-source" where the program runs from its source files. */
export const version: string = typeof BUILD_VERSION === "string" ? BUILD_VERSION : "0.0.0-source";
