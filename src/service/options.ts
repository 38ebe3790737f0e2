// What a service is made from: what the one who installs it gives, and plan.ts, unit.ts and plist.ts all read. Only types.

/** Who the daemon runs as. `home`: the user's home directory, not offhook's. */
export type ServiceUser = { name: string; uid: number; home: string };

export type ServiceOptions = {
  /** Absolute; what stands in the unit. */
  binary: string;
  /** offhook's home. */
  home: string;
  /** PATH for the daemon and its workers, as the installing shell has it. */
  path: string;
  user: ServiceUser;
  /** LANG of the installing shell; launchd gives none. */
  lang?: string | null;
  /** Whether systemd shall keep the user's services without a session. */
  linger?: boolean;
};
