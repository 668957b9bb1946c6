package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/litefile"
)

const (
	selectVersion = `SELECT version FROM keys_version`
	bumpVersion   = `UPDATE keys_version SET version = version + 1`
	selectKeys    = `
		SELECT id, app, name, prefix, digest, created, last_used, expires, revoked
		FROM api_keys ORDER BY created, id`
	upsertKey = `
		INSERT INTO api_keys (id, app, name, prefix, digest, created, last_used, expires, revoked)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET
			app = excluded.app, name = excluded.name, prefix = excluded.prefix, digest = excluded.digest,
			created = excluded.created, last_used = excluded.last_used,
			expires = excluded.expires, revoked = excluded.revoked`
	// Two servers may flush out of order; the later use stays.
	touchKey = `UPDATE api_keys SET last_used = ?1 WHERE id = ?2 AND (last_used IS NULL OR last_used < ?1)`
)

// Keys implements fairlead.KeyStore. The keys are ordered by Created; times
// are in UTC, to the microsecond.
func (s *Store) Keys(ctx context.Context) (keys []fairlead.Key, version int64, err error) {
	keys, version, err = s.readKeys(ctx)
	if err != nil {
		return nil, 0, s.file.Failed(ctx, "read keys", err)
	}
	return keys, version, nil
}

// readKeys reads both in one transaction, so that the version is that of these
// keys.
func (s *Store) readKeys(ctx context.Context) (keys []fairlead.Key, version int64, err error) {
	err = litefile.Read(ctx, s.db, func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, selectVersion).Scan(&version); err != nil {
			return err
		}
		return litefile.Query(ctx, tx, func(rows *sql.Rows) error {
			key, err := scanKey(rows)
			keys = append(keys, key)
			return err
		}, selectKeys)
	})
	return keys, version, err
}

func scanKey(rows *sql.Rows) (fairlead.Key, error) {
	var (
		key                               fairlead.Key
		digest                            []byte
		created, lastUsed, expires, ended sql.NullInt64
	)
	err := rows.Scan(&key.ID, &key.App, &key.Name, &key.Prefix, &digest, &created, &lastUsed, &expires, &ended)
	if err != nil {
		return fairlead.Key{}, err
	}
	if key.Digest, err = toDigest(digest); err != nil {
		return fairlead.Key{}, fmt.Errorf("key %s: %w", key.ID, err)
	}
	key.Created, key.LastUsed = litefile.ToTime(created), litefile.ToTime(lastUsed)
	key.Expires, key.Revoked = litefile.ToTime(expires), litefile.ToTime(ended)
	return key, nil
}

// KeysVersion implements fairlead.KeyStore.
func (s *Store) KeysVersion(ctx context.Context) (int64, error) {
	var version int64
	if err := s.db.QueryRowContext(ctx, selectVersion).Scan(&version); err != nil {
		return 0, s.file.Failed(ctx, "read keys version", err)
	}
	return version, nil
}

// PutKey implements fairlead.KeyStore. No two keys may have the same digest.
func (s *Store) PutKey(ctx context.Context, key fairlead.Key) error {
	err := litefile.Transact(ctx, s.db, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, upsertKey, key.ID, string(key.App), key.Name, key.Prefix, key.Digest[:],
			litefile.FromTime(key.Created), litefile.FromTime(key.LastUsed),
			litefile.FromTime(key.Expires), litefile.FromTime(key.Revoked))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, bumpVersion)
		return err
	})
	if err != nil {
		return s.file.Failed(ctx, "write key "+key.ID, err)
	}
	return nil
}

// TouchKeys implements fairlead.KeyStore. A time before the LastUsed that is
// stored changes nothing.
func (s *Store) TouchKeys(ctx context.Context, used map[string]time.Time) error {
	if len(used) == 0 {
		return nil
	}
	err := litefile.Transact(ctx, s.db, func(tx *sql.Tx) error {
		touch, err := tx.PrepareContext(ctx, touchKey)
		if err != nil {
			return err
		}
		defer touch.Close()
		for id, at := range used {
			if _, err := touch.ExecContext(ctx, litefile.FromTime(at), id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return s.file.Failed(ctx, "note the use of keys", err)
	}
	return nil
}

func toDigest(column []byte) (fairlead.Digest, error) {
	if len(column) != len(fairlead.Digest{}) {
		return fairlead.Digest{}, fmt.Errorf("stored digest has %d bytes", len(column))
	}
	return fairlead.Digest(column), nil
}
