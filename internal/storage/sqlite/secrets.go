package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/fairleadhq/fairlead"
)

const (
	selectDigest = `SELECT digest FROM service_secrets WHERE name = ?`
	insertDigest = `INSERT INTO service_secrets (name, digest) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`
)

// Secret implements fairlead.SecretStore.
func (s *Store) Secret(ctx context.Context, name string) (digest fairlead.Digest, ok bool, err error) {
	var column []byte
	err = s.db.QueryRowContext(ctx, selectDigest, name).Scan(&column)
	if errors.Is(err, sql.ErrNoRows) {
		return fairlead.Digest{}, false, nil
	}
	if err == nil {
		digest, err = toDigest(column)
	}
	if err != nil {
		return fairlead.Digest{}, false, s.file.Failed(ctx, "read secret "+name, err)
	}
	return digest, true, nil
}

// PutSecret implements fairlead.SecretStore.
func (s *Store) PutSecret(ctx context.Context, name string, digest fairlead.Digest) (fairlead.Digest, error) {
	if _, err := s.db.ExecContext(ctx, insertDigest, name, digest[:]); err != nil {
		return fairlead.Digest{}, s.file.Failed(ctx, "write secret "+name, err)
	}
	stored, _, err := s.Secret(ctx, name)
	return stored, err
}
