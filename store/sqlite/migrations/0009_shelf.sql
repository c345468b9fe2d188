-- Versions of Roost's own runtime that things can be moved to: of the programs that ran here,
-- and from files. Their texts are in agent_releases, os/VERSION/….
CREATE TABLE runtimes (
  version TEXT PRIMARY KEY,
  origin  TEXT NOT NULL, -- program, file
  made_by TEXT NOT NULL,
  at_ms   INTEGER NOT NULL
) WITHOUT ROWID;

-- Their files, each content once.
CREATE TABLE runtime_files (
  digest  BLOB PRIMARY KEY,
  content BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE runtime_parts (
  version TEXT NOT NULL REFERENCES runtimes (version) ON DELETE CASCADE,
  digest  BLOB NOT NULL REFERENCES runtime_files (digest),
  PRIMARY KEY (version, digest)
) WITHOUT ROWID;
CREATE INDEX runtime_parts_of_file ON runtime_parts (digest);

-- What earlier programs gave to things is here already; its files stay in agent_files.
INSERT OR IGNORE INTO runtimes (version, origin, made_by, at_ms)
SELECT substr(key, 4, instr(substr(key, 4), '/') - 1), 'program', '', CAST(strftime('%s', 'now') AS INTEGER) * 1000
FROM agent_releases WHERE key LIKE 'os/%/%';

-- Whose signature it is, whole, so that it can go into a file; "": kept before this was.
ALTER TABLE release_signatures ADD COLUMN public TEXT NOT NULL DEFAULT '';
