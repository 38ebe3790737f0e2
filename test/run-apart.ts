// Which tests another run takes: CI gives those with a Redis or a browser a part of their own, where a skip is a failure, and does not
// run them twice. OFFHOOK_TESTS_APART="redis chromium" leaves them out, with that as the reason.

/** Whether tests with this program are left to another run. */
export function isRunApart(what: "redis" | "chromium"): boolean {
  return (process.env.OFFHOOK_TESTS_APART ?? "").split(" ").includes(what);
}
