-- Things of Roost's own runtime: their keys, what they said, what they were offered.
CREATE TABLE agents (
  project TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  thing   TEXT NOT NULL,
  key     BLOB NOT NULL CHECK (length(key) = 32),
  n       INTEGER NOT NULL, -- of the last envelope; rises only
  facts   TEXT NOT NULL,    -- roost.Agent as JSON
  PRIMARY KEY (project, thing)
) WITHOUT ROWID;

-- Texts of releases as they were made, and perhaps signed: they do not change by a newer compiler.
CREATE TABLE agent_releases (
  key  TEXT PRIMARY KEY,
  text TEXT NOT NULL
) WITHOUT ROWID;

-- Files of releases that are no source of an app: compiled ones, and those of the runtime.
CREATE TABLE agent_files (
  digest  BLOB PRIMARY KEY,
  content BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE release_signatures (
  release TEXT NOT NULL REFERENCES agent_releases (key) ON DELETE CASCADE,
  owner   TEXT NOT NULL,
  sig     TEXT NOT NULL,
  made_by TEXT NOT NULL,
  at_ms   INTEGER NOT NULL,
  PRIMARY KEY (release, owner)
) WITHOUT ROWID;

-- Rollouts that a person let go on although things had returned from the version.
CREATE TABLE resumed (
  project TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  rollout TEXT NOT NULL,
  PRIMARY KEY (project, rollout)
) WITHOUT ROWID;

CREATE TABLE crashes (
  project  TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  id       TEXT NOT NULL, -- of the group: of the version, the part and the traceback
  app      TEXT NOT NULL,
  version  TEXT NOT NULL,
  part     TEXT NOT NULL,
  error    TEXT NOT NULL,
  text     TEXT NOT NULL,
  count    INTEGER NOT NULL,
  first_ms INTEGER NOT NULL,
  last_ms  INTEGER NOT NULL,
  seen     INTEGER NOT NULL,
  PRIMARY KEY (project, id)
) WITHOUT ROWID;
CREATE INDEX crashes_by_time ON crashes (project, last_ms);

CREATE TABLE crash_things (
  project TEXT NOT NULL,
  crash   TEXT NOT NULL,
  thing   TEXT NOT NULL,
  count   INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  PRIMARY KEY (project, crash, thing),
  FOREIGN KEY (project, crash) REFERENCES crashes (project, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX crashes_of_thing ON crash_things (project, thing, last_ms);
