-- What lets far gateways in. The secrets stand as they are: the handshake needs them.
-- A revoked key has none any more.
CREATE TABLE gateway_keys (
  id           TEXT PRIMARY KEY,
  project      TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  name         TEXT NOT NULL,
  secret       TEXT NOT NULL,
  private      BLOB NOT NULL, -- 32 bytes
  created_ms   INTEGER NOT NULL,
  made_by      TEXT NOT NULL,
  revoked_ms   INTEGER NOT NULL,
  last_seen_ms INTEGER NOT NULL
);

-- What lets things of the MQTT doors in, and binds them.
CREATE TABLE credentials (
  id           TEXT PRIMARY KEY,
  project      TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  own          TEXT NOT NULL, -- as the thing calls itself
  hash         BLOB NOT NULL, -- SHA-256 of the password, which is random
  created_ms   INTEGER NOT NULL,
  made_by      TEXT NOT NULL,
  last_used_ms INTEGER NOT NULL,
  UNIQUE (project, own)
);

-- How people want the resources of a thing shown: a JSON object, resource to widget.
ALTER TABLE things ADD COLUMN widgets TEXT NOT NULL DEFAULT '{}';

-- The audit log is kept for two years.
CREATE INDEX audit_by_time ON audit (at_ms);
