-- Apps: what they are made of, what their pools are told to be, what runs on which thing.

CREATE TABLE apps (
  number       INTEGER PRIMARY KEY AUTOINCREMENT, -- never given out twice
  project      TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  id           TEXT NOT NULL,
  name         TEXT NOT NULL,
  default_pool TEXT NOT NULL,
  hidden       INTEGER NOT NULL,
  admits       INTEGER NOT NULL,
  unchecked    INTEGER NOT NULL,
  made_by      TEXT NOT NULL,
  created_ms   INTEGER NOT NULL,
  edited_ms    INTEGER NOT NULL,
  UNIQUE (project, id)
);
-- The hidden app for things without one has the same id in every project.
CREATE UNIQUE INDEX apps_by_id ON apps (id) WHERE hidden = 0;

CREATE TABLE pools (
  project   TEXT NOT NULL,
  app       TEXT NOT NULL,
  name      TEXT NOT NULL,
  kind      TEXT NOT NULL CHECK (kind IN ('development', 'staging', 'production')),
  settings  TEXT NOT NULL, -- a JSON object
  base      TEXT NOT NULL, -- what "latest" means while it follows no commit
  edited_ms INTEGER NOT NULL,
  PRIMARY KEY (project, app, name),
  FOREIGN KEY (project, app) REFERENCES apps (project, id) ON DELETE CASCADE
);

-- The contents of files, by their SHA-256; commits of all apps share them.
CREATE TABLE blobs (
  digest  BLOB PRIMARY KEY,
  content BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE commits (
  project TEXT NOT NULL,
  app     TEXT NOT NULL,
  id      TEXT NOT NULL, -- seconds since 1970
  parent  TEXT NOT NULL,
  message TEXT NOT NULL,
  author  TEXT NOT NULL,
  origin  TEXT NOT NULL,
  at_ms   INTEGER NOT NULL,
  PRIMARY KEY (project, app, id),
  FOREIGN KEY (project, app) REFERENCES apps (project, id) ON DELETE CASCADE
);

CREATE TABLE commit_files (
  project   TEXT NOT NULL,
  app       TEXT NOT NULL,
  commit_id TEXT NOT NULL,
  name      TEXT NOT NULL,
  digest    BLOB NOT NULL REFERENCES blobs (digest),
  size      INTEGER NOT NULL,
  PRIMARY KEY (project, app, commit_id, name),
  FOREIGN KEY (project, app, commit_id) REFERENCES commits (project, app, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX commit_files_by_digest ON commit_files (digest);

CREATE TABLE drafts (
  project TEXT NOT NULL,
  app     TEXT NOT NULL,
  name    TEXT NOT NULL,
  content BLOB NOT NULL,
  deleted INTEGER NOT NULL,
  made_by TEXT NOT NULL,
  at_ms   INTEGER NOT NULL,
  PRIMARY KEY (project, app, name),
  FOREIGN KEY (project, app) REFERENCES apps (project, id) ON DELETE CASCADE
);

CREATE TABLE tags (
  project   TEXT NOT NULL,
  app       TEXT NOT NULL,
  name      TEXT NOT NULL,
  commit_id TEXT NOT NULL,
  made_by   TEXT NOT NULL,
  at_ms     INTEGER NOT NULL,
  PRIMARY KEY (project, app, name),
  FOREIGN KEY (project, app, commit_id) REFERENCES commits (project, app, id) ON DELETE CASCADE
);

-- What runs on a thing and what shall run there.
CREATE TABLE software (
  project    TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  thing      TEXT NOT NULL,
  app        TEXT NOT NULL, -- '': none
  pool       TEXT NOT NULL,
  by_account INTEGER NOT NULL,
  own        TEXT NOT NULL, -- a JSON object: what the thing has over its pool's settings
  again      TEXT NOT NULL,
  platform   TEXT NOT NULL,
  frozen     INTEGER NOT NULL,
  os         TEXT NOT NULL,
  version    TEXT NOT NULL,
  encrypted  INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  PRIMARY KEY (project, thing)
) WITHOUT ROWID;
CREATE INDEX software_of_app ON software (project, app);

-- The runs of a thing, from registration to registration.
CREATE TABLE runs (
  project         TEXT NOT NULL,
  thing           TEXT NOT NULL,
  id              TEXT NOT NULL,
  started_ms      INTEGER NOT NULL,
  last_contact_ms INTEGER NOT NULL,
  ended_ms        INTEGER NOT NULL, -- 0: it is the last
  app             TEXT NOT NULL,
  pool            TEXT NOT NULL,
  os              TEXT NOT NULL,
  version         TEXT NOT NULL,
  platform        TEXT NOT NULL,
  frozen          INTEGER NOT NULL,
  encrypted       INTEGER NOT NULL,
  address         TEXT NOT NULL,
  PRIMARY KEY (project, thing, id),
  FOREIGN KEY (project, thing) REFERENCES software (project, thing) ON DELETE CASCADE
);
CREATE INDEX runs_by_id ON runs (id);
CREATE INDEX runs_open ON runs (project) WHERE ended_ms = 0;

-- What each part of a thing last said of itself in a run.
CREATE TABLE run_statuses (
  project  TEXT NOT NULL,
  thing    TEXT NOT NULL,
  run      TEXT NOT NULL,
  part     TEXT NOT NULL,
  ok       INTEGER NOT NULL,
  known    INTEGER NOT NULL,
  said     TEXT NOT NULL,
  at_ms    INTEGER NOT NULL,
  error    TEXT NOT NULL, -- the last fault; it stays when the part says OK again
  error_ms INTEGER NOT NULL,
  PRIMARY KEY (project, thing, run, part),
  FOREIGN KEY (project, thing, run) REFERENCES runs (project, thing, id) ON DELETE CASCADE
) WITHOUT ROWID;
