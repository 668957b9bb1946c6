-- +goose Up

-- What the makers of an app's responses keep for it under ids of their own. It goes
-- with the response that told of it.
CREATE TABLE response_names (
    app      TEXT NOT NULL,
    name     TEXT NOT NULL,
    response TEXT NOT NULL,
    PRIMARY KEY (app, name, response)
) STRICT, WITHOUT ROWID;

CREATE INDEX response_names_by_response ON response_names (app, response);

-- +goose StatementBegin
CREATE TRIGGER responses_deleted_names AFTER DELETE ON responses BEGIN
    DELETE FROM response_names WHERE app = old.app AND response = old.id;
END;
-- +goose StatementEnd
