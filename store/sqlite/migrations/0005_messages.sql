-- What worker tasks sent. Ids are given by the room, and never twice.
CREATE TABLE messages (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  project TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  thing   TEXT NOT NULL,
  app     TEXT NOT NULL, -- which the thing had then; '' if none
  at_us   INTEGER NOT NULL, -- Unix microseconds: programs for Pythings are shown six digits
  data    TEXT NOT NULL -- JSON
);
CREATE INDEX messages_of_thing ON messages (project, thing, at_us, id);

-- What happened with a thing, for people.
CREATE TABLE thing_log (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  project TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  thing   TEXT NOT NULL,
  at_ms   INTEGER NOT NULL,
  level   TEXT NOT NULL,
  line    TEXT NOT NULL,
  detail  TEXT NOT NULL
);
CREATE INDEX thing_log_of_thing ON thing_log (project, thing, id);
