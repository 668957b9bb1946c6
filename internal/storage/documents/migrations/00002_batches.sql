-- +goose Up

-- Files that were put into a store together. A batch outlives its files: it counts those
-- that have left the store, by what had become of them.
CREATE TABLE vector_store_batches (
    number       INTEGER PRIMARY KEY,
    store        INTEGER NOT NULL,
    id           TEXT NOT NULL,
    created      INTEGER,
    cancelled    INTEGER NOT NULL CHECK (cancelled IN (0, 1)),
    -- How many files the store's batches have named, up to this one's last: by this the
    -- oldest are forgotten.
    files_so_far INTEGER NOT NULL,
    left_ready   INTEGER NOT NULL DEFAULT 0,
    left_failed  INTEGER NOT NULL DEFAULT 0,
    left_unread  INTEGER NOT NULL DEFAULT 0,
    UNIQUE (store, id)
) STRICT;

CREATE INDEX vector_store_batches_by_age ON vector_store_batches (store, files_so_far);

-- Which of a store's files are a batch's, while they are in the store.
CREATE TABLE vector_store_batch_files (
    batch INTEGER NOT NULL,
    file  INTEGER NOT NULL,
    PRIMARY KEY (batch, file)
) STRICT, WITHOUT ROWID;

CREATE INDEX vector_store_batch_files_by_file ON vector_store_batch_files (file);

-- Until now a file knew its last batch, and there was nothing else of it.
INSERT INTO vector_store_batches (store, id, created, cancelled, files_so_far)
    SELECT store, batch, added, 0, sum(files) OVER (PARTITION BY store ORDER BY first)
    FROM (
        SELECT store, batch, added, min(number) AS first, count(*) AS files FROM vector_store_files
        WHERE batch <> '' AND store IN (SELECT number FROM vector_stores) GROUP BY store, batch
    )
    ORDER BY first;
INSERT INTO vector_store_batch_files (batch, file)
    SELECT b.number, f.number FROM vector_store_batches b CROSS JOIN vector_store_files f
    WHERE f.store = b.store AND f.batch = b.id AND f.batch <> '';
DROP INDEX vector_store_files_by_batch;

-- +goose StatementBegin
CREATE TRIGGER vector_store_files_deleted AFTER DELETE ON vector_store_files BEGIN
    UPDATE vector_store_batches SET
        left_ready = left_ready + coalesce((SELECT status = 'ready' FROM documents WHERE number = old.document), 0),
        left_failed = left_failed + coalesce(
            (SELECT status NOT IN ('ready', 'queued', 'extracting', 'indexing') FROM documents WHERE number = old.document), 0),
        left_unread = left_unread + coalesce(
            (SELECT status IN ('queued', 'extracting', 'indexing') FROM documents WHERE number = old.document), 1)
        WHERE number IN (SELECT batch FROM vector_store_batch_files WHERE file = old.number);
    DELETE FROM vector_store_batch_files WHERE file = old.number;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER vector_store_batches_deleted AFTER DELETE ON vector_store_batches BEGIN
    DELETE FROM vector_store_batch_files WHERE batch = old.number;
END;
-- +goose StatementEnd

-- A document leaves its stores before it is gone: their batches count what it was.
-- +goose StatementBegin
CREATE TRIGGER documents_leave_stores BEFORE DELETE ON documents BEGIN
    DELETE FROM vector_store_files WHERE document = old.number;
END;
-- +goose StatementEnd

DROP TRIGGER documents_deleted;

-- +goose StatementBegin
CREATE TRIGGER documents_deleted AFTER DELETE ON documents BEGIN
    UPDATE document_totals SET documents = documents - 1, bytes = bytes - old.bytes
        WHERE app = old.app AND status = old.status;
    DELETE FROM document_totals WHERE app = old.app AND status = old.status AND documents <= 0;
    DELETE FROM document_jobs WHERE document = old.number;
    UPDATE contents SET dropped = 1 WHERE id = old.content;
END;
-- +goose StatementEnd
