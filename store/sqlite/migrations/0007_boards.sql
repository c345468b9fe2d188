-- Boards: the kind of board that an app is for, what boards say of themselves, hotfixes.
ALTER TABLE apps ADD COLUMN board TEXT NOT NULL DEFAULT ''; -- '': for none
CREATE UNIQUE INDEX apps_by_board ON apps (project, board) WHERE board <> '';

-- The commit that the directory of a kind of board last agreed with.
CREATE TABLE board_directories (
  project   TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  board     TEXT NOT NULL,
  app       TEXT NOT NULL,
  commit_id TEXT NOT NULL,
  PRIMARY KEY (project, board)
) WITHOUT ROWID;

CREATE TABLE boards (
  project     TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  thing       TEXT NOT NULL,
  mac         TEXT NOT NULL,
  app_type    TEXT NOT NULL,
  device_type TEXT NOT NULL,
  firmware    TEXT NOT NULL,
  version     TEXT NOT NULL,
  ip          TEXT NOT NULL,
  meta        TEXT NOT NULL, -- a JSON object, or ''
  interval_ms INTEGER NOT NULL,
  booted_ms   INTEGER NOT NULL,
  files       TEXT NOT NULL, -- a JSON object of MD5s by name, or null
  PRIMARY KEY (project, thing)
) WITHOUT ROWID;

CREATE TABLE hotfixes (
  id        TEXT PRIMARY KEY,
  project   TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  thing     TEXT NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('waiting', 'served', 'undone', 'overtaken')),
  made_by   TEXT NOT NULL,
  undone_by TEXT NOT NULL,
  at_ms     INTEGER NOT NULL,
  served_ms INTEGER NOT NULL,
  ended_ms  INTEGER NOT NULL,
  dropped   INTEGER NOT NULL, -- its files lie in the board's directory
  reverting INTEGER NOT NULL  -- the board is to be given the app's own files
);
CREATE INDEX hotfixes_of_thing ON hotfixes (project, thing, at_ms);

CREATE TABLE hotfix_files (
  hotfix  TEXT NOT NULL REFERENCES hotfixes (id) ON DELETE CASCADE,
  name    TEXT NOT NULL,
  content BLOB NOT NULL,
  digest  BLOB NOT NULL,
  md5     TEXT NOT NULL,
  size    INTEGER NOT NULL,
  base    TEXT NOT NULL, -- SHA-256 of the app's own file when the hotfix was made; '': it had none
  over    INTEGER NOT NULL,
  PRIMARY KEY (hotfix, name)
) WITHOUT ROWID;
