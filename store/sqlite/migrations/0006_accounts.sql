-- A person's account id, which a device may bring in place of an app's: 22 letters
-- and digits. Those who were here before get theirs now.
ALTER TABLE people ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE people ADD COLUMN email TEXT NOT NULL DEFAULT '';
ALTER TABLE people ADD COLUMN time_zone TEXT NOT NULL DEFAULT ''; -- of the tz database
UPDATE people SET account = hex(randomblob(11));
CREATE UNIQUE INDEX people_by_account ON people (account) WHERE account <> '';
