// A test file without a test: bun test exits 0.
export const nothing = null;
