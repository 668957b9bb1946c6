-- +goose Up

-- Times are microseconds since 1970 in UTC; NULL is the zero time.
CREATE TABLE api_keys (
    id        TEXT PRIMARY KEY NOT NULL,
    app       TEXT NOT NULL,
    name      TEXT NOT NULL,
    prefix    TEXT NOT NULL,
    digest    BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    created   INTEGER,
    last_used INTEGER,
    expires   INTEGER,
    revoked   INTEGER
) STRICT;

-- One row: what a process polls to see that another one changed a key.
CREATE TABLE keys_version (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO keys_version (one, version) VALUES (1, 0);

CREATE TABLE service_secrets (
    name   TEXT PRIMARY KEY NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32)
) STRICT;

-- Two processes may start at once. With this index only one of them can note a
-- migration as done; the other's transaction is rolled back whole.
CREATE UNIQUE INDEX goose_db_version_once ON goose_db_version (version_id);
