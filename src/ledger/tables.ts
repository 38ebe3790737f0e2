// The ledger's tables and the steps from an older version of them to the current one.
//
// `head` marks a delivery that no earlier one of its key holds back, so that the next one to start is found by index however
// long the queue of one key is. It is kept by the same transactions that make and settle deliveries.

/** The version of the tables below, kept in `user_version`. */
export const LEDGER_VERSION = 3;
/** The oldest version that has all that those ask for who only look. */
export const LOOKED_AT_VERSION = 2;

const TABLES = `
  CREATE TABLE events (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    time_ms      INTEGER NOT NULL,
    source       TEXT NOT NULL,
    type         TEXT NOT NULL,
    subject      TEXT,
    node         TEXT NOT NULL,
    session      TEXT,
    agent        TEXT,
    tool         TEXT,
    tool_use     TEXT,
    project      TEXT,
    depth        INTEGER NOT NULL,
    duplicate_of TEXT,
    firing       TEXT,             -- the natural key of a hook's firing (event/firing.ts)
    content_type TEXT NOT NULL,
    data         ANY NOT NULL      -- text as it came; a blob is that text, compressed (zstd)
  ) STRICT;
  CREATE INDEX events_firing ON events (firing, time_ms) WHERE firing IS NOT NULL AND duplicate_of IS NULL;
  CREATE INDEX events_session ON events (session, seq);

  CREATE TABLE groups (
    consumer        TEXT PRIMARY KEY,
    cursor          INTEGER NOT NULL,
    began_ms        INTEGER NOT NULL,
    removed_ms      INTEGER,
    ok              INTEGER NOT NULL DEFAULT 0,
    findings        INTEGER NOT NULL DEFAULT 0,
    failed          INTEGER NOT NULL DEFAULT 0,   -- attempts, not deliveries
    skipped         INTEGER NOT NULL DEFAULT 0,
    last_outcome_ms INTEGER
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE deliveries (
    ordinal    INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    consumer   TEXT NOT NULL,
    key        TEXT NOT NULL,
    state      TEXT NOT NULL,
    reason     TEXT,
    head       INTEGER NOT NULL,
    due_ms     INTEGER,
    attempts   INTEGER NOT NULL DEFAULT 0,
    counted    INTEGER NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL,
    settled_ms INTEGER               -- null while pending
  ) STRICT;
  CREATE INDEX deliveries_startable ON deliveries (consumer, state, head, ordinal) WHERE settled_ms IS NULL;
  CREATE INDEX deliveries_key ON deliveries (consumer, key, ordinal) WHERE settled_ms IS NULL;
  CREATE INDEX deliveries_due ON deliveries (consumer, due_ms) WHERE state = 'backoff';
  CREATE INDEX deliveries_dead ON deliveries (consumer, ordinal) WHERE state = 'dead';

  CREATE TABLE delivery_events (
    delivery INTEGER NOT NULL REFERENCES deliveries (ordinal),
    seq      INTEGER NOT NULL,
    PRIMARY KEY (delivery, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX delivery_events_seq ON delivery_events (seq);

  CREATE TABLE attempts (
    delivery     INTEGER NOT NULL REFERENCES deliveries (ordinal),
    number       INTEGER NOT NULL,
    started_ms   INTEGER NOT NULL,
    duration_ms  INTEGER,
    outcome      TEXT,               -- null while running
    counts       INTEGER NOT NULL DEFAULT 1,
    exit_code    INTEGER,
    signal       TEXT,
    stdout       TEXT,
    stderr       TEXT,
    reason       TEXT,
    boot_id      TEXT,
    group_id     INTEGER,
    leader_start TEXT,
    PRIMARY KEY (delivery, number)
  ) STRICT;
  CREATE INDEX attempts_unfinished ON attempts (delivery) WHERE outcome IS NULL;

  CREATE TABLE skips (
    consumer TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    key      TEXT NOT NULL,
    reason   TEXT NOT NULL,
    at_ms    INTEGER NOT NULL,
    PRIMARY KEY (consumer, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX skips_seq ON skips (seq);
`;

/**
 * Flow, and what people ask for. A held delivery waits until due_ms. `marks` is what dedup and cooldown remember of a key,
 * `starts` what rate remembers of a group. `totals` and `skip_counts` spare counting tables of a million rows.
 */
const FLOW = `
  ALTER TABLE groups ADD COLUMN paused_ms INTEGER;
  ALTER TABLE groups ADD COLUMN waiting TEXT;
  ALTER TABLE groups ADD COLUMN provisional INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE groups ADD COLUMN ordered INTEGER;     -- null: heads are to be set when it is opened
  ALTER TABLE deliveries ADD COLUMN replay INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE deliveries ADD COLUMN cut_offs INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE deliveries ADD COLUMN opened_ms INTEGER;
  ALTER TABLE deliveries ADD COLUMN file_bytes INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE deliveries ADD COLUMN data_bytes INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX deliveries_held ON deliveries (consumer, due_ms) WHERE state = 'held';
  CREATE INDEX deliveries_settled ON deliveries (settled_ms) WHERE settled_ms IS NOT NULL;

  CREATE TABLE marks (
    consumer    TEXT NOT NULL,
    key         TEXT NOT NULL,
    accepted_ms INTEGER,             -- the event's own time
    cooled_ms   INTEGER,             -- wall time
    PRIMARY KEY (consumer, key)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE starts (
    consumer TEXT NOT NULL,
    at_ms    INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX starts_consumer ON starts (consumer, at_ms);

  CREATE TABLE totals (
    name  TEXT PRIMARY KEY,
    count INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  INSERT INTO totals SELECT 'events', count(*) FROM events;

  CREATE INDEX skips_expired ON skips (at_ms) WHERE reason = 'expired';
  CREATE TABLE skip_counts (
    consumer TEXT NOT NULL,
    reason   TEXT NOT NULL,
    count    INTEGER NOT NULL,
    PRIMARY KEY (consumer, reason)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO skip_counts SELECT consumer, reason, count(*) FROM skips GROUP BY consumer, reason;
  CREATE TRIGGER skips_counted AFTER INSERT ON skips BEGIN
    UPDATE skip_counts SET count = count + 1 WHERE consumer = new.consumer AND reason = new.reason;
    INSERT INTO skip_counts SELECT new.consumer, new.reason, 1
      WHERE NOT EXISTS (SELECT 1 FROM skip_counts WHERE consumer = new.consumer AND reason = new.reason);
  END;
`;

/**
 * Several machines. `identity` has one row: which ledger this is, made here, so that one that begins anew is another. `forwarding`
 * is what the forwarder has to know beside its group's cursor (stream.ts: Forwarding).
 */
const FORWARDING = `
  CREATE TABLE identity (
    ledger TEXT NOT NULL
  ) STRICT;
  INSERT INTO identity VALUES (lower(hex(randomblob(6))));

  CREATE TABLE forwarding (
    consumer  TEXT PRIMARY KEY,
    origin    TEXT NOT NULL,
    began_seq INTEGER NOT NULL,
    known_seq INTEGER NOT NULL,
    again_seq INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

/** One step per version: the step at index N takes a file of version N to N + 1. */
export const MIGRATIONS: readonly string[] = [TABLES, FLOW, FORWARDING];
