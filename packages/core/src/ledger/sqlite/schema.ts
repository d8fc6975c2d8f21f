/**
 * The schema, as a list of migrations: a file's `user_version` is how many of them it has. Never edit one that
 * was released; add the next. Events and spends are appended in the order of commits and found by small indexes,
 * so that a commit for many wallets writes few pages; ids of spends sort by time. The texts of people and models
 * lie apart, by the number of their spend, so that they can be deleted.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE ledger (secret BLOB NOT NULL) STRICT;
  CREATE TABLE wallet (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    currency TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    last_at INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    epoch INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE mandate (
    wallet INTEGER NOT NULL,
    agent TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (wallet, agent)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE counter (
    wallet INTEGER NOT NULL,
    key TEXT NOT NULL,
    held INTEGER NOT NULL,
    settled INTEGER NOT NULL,
    PRIMARY KEY (wallet, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE spend (
    no INTEGER PRIMARY KEY,
    wallet INTEGER NOT NULL,
    id TEXT NOT NULL,
    key TEXT,
    due INTEGER,
    body TEXT NOT NULL
  ) STRICT;
  CREATE TABLE disclosure (spend INTEGER PRIMARY KEY, texts TEXT NOT NULL) STRICT;
  CREATE UNIQUE INDEX spend_id ON spend (id);
  CREATE UNIQUE INDEX spend_key ON spend (wallet, key) WHERE key IS NOT NULL;
  CREATE INDEX spend_due ON spend (wallet, due) WHERE due IS NOT NULL;
  CREATE TABLE event (
    no INTEGER PRIMARY KEY,
    wallet INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX event_seq ON event (wallet, seq);
  `,
  `
  ALTER TABLE spend ADD COLUMN list TEXT;
  ALTER TABLE spend ADD COLUMN forget INTEGER;
  ALTER TABLE event ADD COLUMN remark TEXT;
  CREATE INDEX spend_list ON spend (wallet, list) WHERE list IS NOT NULL;
  CREATE INDEX spend_forget ON spend (forget) WHERE forget IS NOT NULL;
  CREATE INDEX event_remark ON event (no) WHERE remark IS NOT NULL;
  UPDATE spend SET list = body ->> '$.state' WHERE body ->> '$.state' IN ('queued', 'failed', 'unknown');
  UPDATE spend SET forget = unixepoch() * 1000 + 604800000
    WHERE body ->> '$.state' IN ('settled', 'released', 'rejected');
  `,
  `
  CREATE TABLE tree_run (
    first INTEGER PRIMARY KEY,
    wallet INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    count INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX tree_run_event ON tree_run (wallet, seq);
  CREATE TABLE tree_tile (
    level INTEGER NOT NULL,
    place INTEGER NOT NULL,
    hashes BLOB NOT NULL,
    UNIQUE (level, place)
  ) STRICT;
  CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
  `,
  // Its rows are appended and shrink, and never grow or go: SQLite moves rows for both, and copies of what was moved
  // stay in the gaps of its pages, which secure_delete does not wipe.
  `
  ALTER TABLE disclosure RENAME TO disclosure_before;
  CREATE TABLE disclosure (no INTEGER PRIMARY KEY, spend INTEGER NOT NULL, texts TEXT NOT NULL) STRICT;
  CREATE INDEX disclosure_spend ON disclosure (spend);
  INSERT INTO disclosure (spend, texts) SELECT spend, texts FROM disclosure_before ORDER BY spend;
  DROP TABLE disclosure_before;
  `,
]

/** "NRNR": tells a ledger from any other SQLite file. */
export const applicationId = 0x4e524e52
