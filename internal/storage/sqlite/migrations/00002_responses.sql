-- +goose Up

-- The long columns come last, so that the others are read without them. Each app
-- has ids of its own.
CREATE TABLE responses (
    app          TEXT NOT NULL,
    id           TEXT NOT NULL,
    status       TEXT NOT NULL
        CHECK (status IN ('queued', 'in_progress', 'completed', 'incomplete', 'failed', 'cancelled')),
    created      INTEGER,
    expires      INTEGER,
    provider     TEXT NOT NULL,
    provider_key TEXT NOT NULL,
    kept_as      TEXT NOT NULL,
    model        TEXT NOT NULL,
    previous     TEXT NOT NULL,
    background   INTEGER NOT NULL CHECK (background IN (0, 1)),
    items        BLOB NOT NULL,
    body         BLOB NOT NULL,
    PRIMARY KEY (app, id)
) STRICT;

CREATE INDEX responses_by_age ON responses (app, created);
CREATE INDEX responses_by_end ON responses (expires) WHERE expires IS NOT NULL;
CREATE INDEX responses_running ON responses (status) WHERE status IN ('queued', 'in_progress');

-- What each app has stored, so that nobody counts its rows for every new one.
CREATE TABLE response_totals (
    app   TEXT PRIMARY KEY NOT NULL,
    rows  INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER responses_inserted AFTER INSERT ON responses BEGIN
    INSERT INTO response_totals (app, rows, bytes)
        VALUES (new.app, 1, length(new.items) + length(new.body))
        ON CONFLICT (app) DO UPDATE SET rows = rows + 1, bytes = bytes + excluded.bytes;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER responses_updated AFTER UPDATE OF items, body ON responses BEGIN
    UPDATE response_totals
        SET bytes = bytes + length(new.items) + length(new.body) - length(old.items) - length(old.body)
        WHERE app = new.app;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER responses_deleted AFTER DELETE ON responses BEGIN
    UPDATE response_totals
        SET rows = rows - 1, bytes = bytes - length(old.items) - length(old.body)
        WHERE app = old.app;
    DELETE FROM response_totals WHERE app = old.app AND rows <= 0;
END;
-- +goose StatementEnd
