-- Times are Unix milliseconds; 0 is no time. Texts that are values are JSON.

CREATE TABLE projects (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO projects (id, name, created_ms) VALUES ('home', 'Home', CAST(unixepoch('subsec') * 1000 AS INTEGER));

CREATE TABLE things (
  project         TEXT NOT NULL REFERENCES projects (id),
  id              TEXT NOT NULL,
  door            TEXT NOT NULL,
  own             TEXT NOT NULL,
  given_name      TEXT NOT NULL,
  protocol        TEXT NOT NULL,
  enrolment       TEXT NOT NULL,
  address         TEXT NOT NULL,
  gateway         TEXT NOT NULL,
  tags            TEXT NOT NULL, -- a JSON array
  first_heard_ms  INTEGER NOT NULL,
  last_heard_ms   INTEGER NOT NULL,
  online          INTEGER NOT NULL,
  online_since_ms INTEGER NOT NULL,
  PRIMARY KEY (project, id)
) WITHOUT ROWID;

-- The last value of each resource.
CREATE TABLE resources (
  project  TEXT NOT NULL,
  thing    TEXT NOT NULL,
  name     TEXT NOT NULL,
  value    TEXT NOT NULL,
  at_ms    INTEGER NOT NULL,
  writable INTEGER NOT NULL,
  place    INTEGER NOT NULL, -- rank in the order in which they were first heard
  PRIMARY KEY (project, thing, name),
  FOREIGN KEY (project, thing) REFERENCES things (project, id) ON DELETE CASCADE
) WITHOUT ROWID;

-- The number of a series is never given out twice: chunks of numbers hang on it.
CREATE TABLE series (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  project  TEXT NOT NULL REFERENCES projects (id),
  thing    TEXT NOT NULL,
  resource TEXT NOT NULL,
  UNIQUE (project, thing, resource)
);

-- Readings that are no numbers.
CREATE TABLE texts (
  series INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
  at_ms  INTEGER NOT NULL,
  value  TEXT NOT NULL,
  PRIMARY KEY (series, at_ms)
) WITHOUT ROWID;

CREATE TABLE commands (
  project    TEXT NOT NULL REFERENCES projects (id),
  id         TEXT NOT NULL,
  thing      TEXT NOT NULL,
  kind       TEXT NOT NULL,
  resource   TEXT NOT NULL,
  value      TEXT NOT NULL,
  state      TEXT NOT NULL,
  result     TEXT NOT NULL,
  error      TEXT NOT NULL,
  asked_by   TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  sent_ms    INTEGER NOT NULL,
  ended_ms   INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  PRIMARY KEY (project, id)
);
CREATE INDEX commands_of_thing ON commands (project, thing, created_ms);
CREATE INDEX commands_open ON commands (created_ms) WHERE state IN ('queued', 'sent');

CREATE TABLE people (
  id            TEXT PRIMARY KEY,
  name          TEXT NOT NULL,
  name_key      TEXT NOT NULL UNIQUE, -- what names are compared by
  password      TEXT NOT NULL,
  created_ms    INTEGER NOT NULL,
  last_seen_ms  INTEGER NOT NULL
);

CREATE TABLE members (
  project TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  person  TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  role    TEXT NOT NULL CHECK (role IN ('owner', 'operator', 'viewer')),
  PRIMARY KEY (project, person)
) WITHOUT ROWID;
CREATE INDEX members_of_person ON members (person);

CREATE TABLE sessions (
  hash         BLOB PRIMARY KEY,
  person       TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  remote       TEXT NOT NULL,
  created_ms   INTEGER NOT NULL,
  last_seen_ms INTEGER NOT NULL,
  expires_ms   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_of_person ON sessions (person);
CREATE INDEX sessions_by_end ON sessions (expires_ms);

CREATE TABLE tokens (
  id           TEXT PRIMARY KEY,
  project      TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  hash         BLOB NOT NULL UNIQUE,
  name         TEXT NOT NULL,
  role         TEXT NOT NULL CHECK (role IN ('owner', 'operator', 'viewer')),
  person       TEXT REFERENCES people (id) ON DELETE CASCADE, -- NULL: the machine
  made_by      TEXT NOT NULL,
  local        INTEGER NOT NULL,
  created_ms   INTEGER NOT NULL,
  last_used_ms INTEGER NOT NULL,
  expires_ms   INTEGER NOT NULL
);
CREATE INDEX tokens_of_project ON tokens (project, created_ms);
CREATE INDEX tokens_of_person ON tokens (person);

CREATE TABLE audit (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  project TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  at_ms   INTEGER NOT NULL,
  who     TEXT NOT NULL,
  who_id  TEXT NOT NULL,
  act     TEXT NOT NULL,
  object  TEXT NOT NULL,
  detail  TEXT NOT NULL
);
CREATE INDEX audit_of_project ON audit (project, id);

-- What belongs to the server and to no project.
CREATE TABLE server (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
