-- When things of Roost's own runtime started, and why: the last of each.
CREATE TABLE boots (
  id        INTEGER PRIMARY KEY, -- rises with time
  project   TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  thing     TEXT NOT NULL,
  boot      TEXT NOT NULL, -- the thing's name for it
  at_ms     INTEGER NOT NULL,
  reset     TEXT NOT NULL,
  why       TEXT NOT NULL,
  os        TEXT NOT NULL,
  app       TEXT NOT NULL,
  before_ms INTEGER NOT NULL, -- that the boot before ran; 0: not known
  UNIQUE (project, thing, boot)
);
CREATE INDEX boots_of_thing ON boots (project, thing, id);
