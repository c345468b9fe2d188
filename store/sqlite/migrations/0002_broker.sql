-- The journal of the MQTT broker: what changed, in order (docs/format/broker.md).
-- Numbers are never given out twice: the broker trims by them.
CREATE TABLE broker_log (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  entry  BLOB NOT NULL
);
