package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/fairleadhq/fairlead/internal/identity"
	"github.com/fairleadhq/fairlead/internal/storage/sqlite"
)

// openKeys opens the keys of a data directory: the pepper, made if it is not
// there, and the database, which the caller closes. It may be called while a
// service runs on the same directory.
func openKeys(ctx context.Context, dataDir string) (pepper []byte, store *sqlite.Store, err error) {
	store, err = sqlite.Open(ctx, filepath.Join(dataDir, sqlite.FileName))
	if err != nil {
		return nil, nil, unusable("open the database", err)
	}
	pepper, err = identity.Pepper(dataDir)
	if err != nil {
		return nil, nil, errors.Join(unusable("read the pepper", err), store.Close())
	}
	return pepper, store, nil
}

// checkPublic refuses to listen where others can come without keys that were
// made on purpose. TLS is the configuration's own rule.
func (s *Server) checkPublic(ctx context.Context) error {
	if isLoopback(s.listener.Addr()) || !s.loaded.NeedsKeys() {
		return nil
	}
	keys, _, err := s.store.Keys(ctx)
	if err != nil {
		return fmt.Errorf("read the keys: %w", err)
	}
	now := time.Now()
	for i := range keys {
		if _, ended := keys[i].Ended(now); !ended {
			return nil
		}
	}
	return unusable("listen on "+s.config.Server.Listen, errors.New(
		"the address is public and there is no key yet: configure apps with keys, or run `fairlead keys create` first"))
}

func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
