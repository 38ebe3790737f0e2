// Where this process stands, also when that directory is gone.

/** The directory of this process; where it is gone, we stand at the root from now on: what is started or asked has to stand somewhere. */
export function whereWeStand(): string {
  try {
    return process.cwd();
  } catch {
    process.chdir("/");
    return "/";
  }
}
