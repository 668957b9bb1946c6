-- +goose Up

-- Times are microseconds since 1970 in UTC; NULL is the zero time. Metadata and
-- attributes are JSON objects; "" is none.

-- A number is never used again: indexes elsewhere name documents by it.
CREATE TABLE documents (
    number            INTEGER PRIMARY KEY AUTOINCREMENT,
    app               TEXT NOT NULL,
    id                TEXT NOT NULL UNIQUE,
    name              TEXT NOT NULL,
    purpose           TEXT NOT NULL,
    media_type        TEXT NOT NULL,
    bytes             INTEGER NOT NULL,
    sha256            BLOB NOT NULL CHECK (length(sha256) = 32),
    created           INTEGER,
    metadata          TEXT NOT NULL,
    status            TEXT NOT NULL CHECK (status IN ('queued', 'extracting', 'indexing', 'ready', 'no_text', 'limit_hit',
                          'unsupported', 'encrypted', 'failed')),
    reason            TEXT NOT NULL,
    code              TEXT NOT NULL,
    pages             INTEGER NOT NULL,
    pages_done        INTEGER NOT NULL,
    chunks            INTEGER NOT NULL,
    text_bytes        INTEGER NOT NULL,
    embedding_pending INTEGER NOT NULL CHECK (embedding_pending IN (0, 1)),
    embed_after       INTEGER NOT NULL, -- 0: at once
    title             TEXT NOT NULL,
    language          TEXT NOT NULL,
    company           TEXT NOT NULL,
    period            TEXT NOT NULL,
    -- What was read of it by the attempt that is under way, or that made it ready. Any
    -- other content is nobody's.
    content           INTEGER UNIQUE
) STRICT;

CREATE INDEX documents_by_app ON documents (app, number);
CREATE INDEX documents_by_purpose ON documents (app, purpose, number);
CREATE INDEX documents_ready ON documents (app, number) WHERE status = 'ready';
CREATE INDEX documents_to_embed ON documents (app, embed_after, number) WHERE embedding_pending = 1 AND status = 'ready';
-- An app has each file once, but for failed tries.
CREATE UNIQUE INDEX documents_by_sum ON documents (app, sha256) WHERE status <> 'failed';

-- What each app has, so that nobody counts its rows for every new one.
CREATE TABLE document_totals (
    app       TEXT NOT NULL,
    status    TEXT NOT NULL,
    documents INTEGER NOT NULL,
    bytes     INTEGER NOT NULL,
    PRIMARY KEY (app, status)
) STRICT, WITHOUT ROWID;

-- One row for each document that is to be read.
CREATE TABLE document_jobs (
    document   INTEGER PRIMARY KEY,
    app        TEXT NOT NULL,
    owner      TEXT NOT NULL,
    attempt    INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    lease_ends INTEGER NOT NULL -- 0: nobody has it
) STRICT;

CREATE INDEX document_jobs_by_app ON document_jobs (app, document);
CREATE INDEX document_jobs_leased ON document_jobs (app, lease_ends) WHERE lease_ends > 0;

-- One row for each attempt at reading a document. The rows below belong to one of them.
-- Those of a dropped one are not seen by anyone, and deleted in small steps.
CREATE TABLE contents (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    document   INTEGER NOT NULL,
    text_bytes INTEGER NOT NULL,
    dropped    INTEGER NOT NULL CHECK (dropped IN (0, 1))
) STRICT;

CREATE INDEX contents_dropped ON contents (id) WHERE dropped = 1;

-- The canonical text.
CREATE TABLE pieces (
    id      INTEGER PRIMARY KEY,
    content INTEGER NOT NULL,
    start   INTEGER NOT NULL,
    text    BLOB NOT NULL,
    UNIQUE (content, start)
) STRICT;

-- Pages, sections and tables, as JSON arrays of numbers and titles; one row for each part
-- that was added.
CREATE TABLE outlines (
    id       INTEGER PRIMARY KEY,
    content  INTEGER NOT NULL,
    pages    TEXT NOT NULL,
    sections TEXT NOT NULL,
    tables   TEXT NOT NULL
) STRICT;

CREATE INDEX outlines_by_content ON outlines (content, id);

-- A number is never used again, as with documents.
CREATE TABLE chunks (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    content    INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    start      INTEGER NOT NULL,
    end        INTEGER NOT NULL,
    page       INTEGER NOT NULL,
    last_page  INTEGER NOT NULL,
    tokens     INTEGER NOT NULL,
    is_table   INTEGER NOT NULL CHECK (is_table IN (0, 1)),
    section    TEXT NOT NULL,
    context    TEXT NOT NULL,
    UNIQUE (content, seq)
) STRICT;

CREATE TABLE embedding_spaces (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- A vector is float32s, each four bytes, the least significant first.
CREATE TABLE embeddings (
    id      INTEGER PRIMARY KEY,
    content INTEGER NOT NULL,
    space   INTEGER NOT NULL,
    chunk   INTEGER NOT NULL,
    vector  BLOB NOT NULL,
    UNIQUE (content, space, chunk)
) STRICT;

CREATE TABLE vector_stores (
    number        INTEGER PRIMARY KEY AUTOINCREMENT,
    app           TEXT NOT NULL,
    id            TEXT NOT NULL,
    name          TEXT NOT NULL,
    metadata      TEXT NOT NULL,
    created       INTEGER,
    active        INTEGER,
    expires_after INTEGER NOT NULL, -- microseconds
    UNIQUE (app, id)
) STRICT;

CREATE INDEX vector_stores_by_app ON vector_stores (app, number);

CREATE TABLE vector_store_files (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    store      INTEGER NOT NULL,
    document   INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    added      INTEGER,
    batch      TEXT NOT NULL,
    chunking   BLOB,
    UNIQUE (store, document)
) STRICT;

CREATE INDEX vector_store_files_by_age ON vector_store_files (store, number);
CREATE INDEX vector_store_files_by_batch ON vector_store_files (store, batch, number) WHERE batch <> '';
CREATE INDEX vector_store_files_by_document ON vector_store_files (document);

-- Deleted stores, whose files are deleted in small steps.
CREATE TABLE dropped_stores (store INTEGER PRIMARY KEY) STRICT;

-- +goose StatementBegin
CREATE TRIGGER documents_inserted AFTER INSERT ON documents BEGIN
    INSERT INTO document_totals (app, status, documents, bytes) VALUES (new.app, new.status, 1, new.bytes)
        ON CONFLICT (app, status) DO UPDATE SET documents = documents + 1, bytes = bytes + excluded.bytes;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER documents_changed AFTER UPDATE OF status ON documents WHEN old.status <> new.status BEGIN
    UPDATE document_totals SET documents = documents - 1, bytes = bytes - old.bytes
        WHERE app = old.app AND status = old.status;
    DELETE FROM document_totals WHERE app = old.app AND status = old.status AND documents <= 0;
    INSERT INTO document_totals (app, status, documents, bytes) VALUES (new.app, new.status, 1, new.bytes)
        ON CONFLICT (app, status) DO UPDATE SET documents = documents + 1, bytes = bytes + excluded.bytes;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER documents_deleted AFTER DELETE ON documents BEGIN
    UPDATE document_totals SET documents = documents - 1, bytes = bytes - old.bytes
        WHERE app = old.app AND status = old.status;
    DELETE FROM document_totals WHERE app = old.app AND status = old.status AND documents <= 0;
    DELETE FROM document_jobs WHERE document = old.number;
    DELETE FROM vector_store_files WHERE document = old.number;
    UPDATE contents SET dropped = 1 WHERE id = old.content;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER documents_read_anew AFTER UPDATE OF content ON documents WHEN old.content IS NOT new.content BEGIN
    UPDATE contents SET dropped = 1 WHERE id = old.content;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER vector_stores_deleted AFTER DELETE ON vector_stores BEGIN
    INSERT INTO dropped_stores (store) VALUES (old.number);
END;
-- +goose StatementEnd

-- Two processes may start at once. With this index only one of them can note a
-- migration as done; the other's transaction is rolled back whole.
CREATE UNIQUE INDEX goose_db_version_once ON goose_db_version (version_id);
