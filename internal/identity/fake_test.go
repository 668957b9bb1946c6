package identity_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/identity"
)

var errDown = errors.New("disk on fire")

// fakeStore keeps keys and secrets in memory. Unlike a file it can be used in
// a synctest bubble, and fails when told to.
type fakeStore struct {
	mu      sync.Mutex
	down    bool
	version int64
	keys    map[string]fairlead.Key
	secrets map[string]fairlead.Digest
	touches int // calls of TouchKeys
}

func newFakeStore(keys ...fairlead.Key) *fakeStore {
	s := &fakeStore{keys: map[string]fairlead.Key{}, secrets: map[string]fairlead.Digest{}}
	for _, key := range keys {
		s.keys[key.ID] = key
	}
	return s
}

func (s *fakeStore) setDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// enter locks the store, or fails as it would.
func (s *fakeStore) enter(ctx context.Context) error {
	s.mu.Lock()
	if s.down || ctx.Err() != nil {
		s.mu.Unlock()
		return &fairlead.Error{Kind: fairlead.Internal, Code: "storage_failed", Err: errors.Join(errDown, ctx.Err())}
	}
	return nil
}

func (s *fakeStore) Keys(ctx context.Context) ([]fairlead.Key, int64, error) {
	if err := s.enter(ctx); err != nil {
		return nil, 0, err
	}
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.keys)), s.version, nil
}

func (s *fakeStore) KeysVersion(ctx context.Context) (int64, error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	return s.version, nil
}

func (s *fakeStore) PutKey(ctx context.Context, key fairlead.Key) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.keys[key.ID] = key
	s.version++
	return nil
}

func (s *fakeStore) TouchKeys(ctx context.Context, used map[string]time.Time) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.touches++
	for id, at := range used {
		if key, ok := s.keys[id]; ok {
			key.LastUsed = at
			s.keys[id] = key
		}
	}
	return nil
}

func (s *fakeStore) Secret(ctx context.Context, name string) (fairlead.Digest, bool, error) {
	if err := s.enter(ctx); err != nil {
		return fairlead.Digest{}, false, err
	}
	defer s.mu.Unlock()
	digest, ok := s.secrets[name]
	return digest, ok, nil
}

func (s *fakeStore) PutSecret(ctx context.Context, name string, digest fairlead.Digest) (fairlead.Digest, error) {
	if err := s.enter(ctx); err != nil {
		return fairlead.Digest{}, err
	}
	defer s.mu.Unlock()
	if stored, ok := s.secrets[name]; ok {
		return stored, nil
	}
	s.secrets[name] = digest
	return digest, nil
}

func (s *fakeStore) key(id string) fairlead.Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[id]
}

func (s *fakeStore) touched() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.touches
}

// logged is the lines that a logger wrote.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func testPepper() []byte { return []byte("0123456789abcdef0123456789abcdef") }

// storedKey is a key with the secret given, as a store holds it.
func storedKey(id string, app fairlead.AppID, secret string) fairlead.Key {
	return fairlead.Key{ID: id, App: app, Digest: identity.Hash(testPepper(), secret), Created: time.Now()}
}

func newDirectory(tb testing.TB, c identity.Config) *identity.Directory {
	tb.Helper()
	if c.Pepper == nil {
		c.Pepper = testPepper()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	d, err := identity.New(tb.Context(), c)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// answer is what Authenticate said, in a word: the app, or the error's code.
func answer(d *identity.Directory, secret string) string {
	app, err := d.Authenticate(secret)
	if err == nil {
		return "app " + string(app.ID)
	}
	if !fairlead.IsKind(err, fairlead.Unauthenticated) {
		return "wrong kind: " + err.Error()
	}
	return fairlead.AsError(err).Code
}
