package litefile

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/fairleadhq/fairlead"
)

func open(t *testing.T, path string) *File {
	t.Helper()
	f, err := Open(t.Context(), Settings{
		Path: path, Connections: 3, Pragmas: []string{"cache_size(-123)"},
		Migrations: fstest.MapFS{"00001_one.sql": {Data: []byte("-- +goose Up\nCREATE TABLE numbers (n INTEGER) STRICT;\n")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestSettings(t *testing.T) {
	t.Parallel()
	f := open(t, filepath.Join(t.TempDir(), "x.db"))
	for db, want := range map[*sql.DB]string{f.Durable(): "2", f.Relaxed(): "1"} {
		var synchronous, cache string
		err := errors.Join(
			db.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&synchronous),
			db.QueryRowContext(t.Context(), "PRAGMA cache_size").Scan(&cache))
		if err != nil || synchronous != want || cache != "-123" {
			t.Errorf("synchronous %s, cache %s, %v, want %s and -123", synchronous, cache, err, want)
		}
	}
}

// Those who write take turns, whichever pool they write through; none of them is told
// that the file is locked.
func TestWritersTakeTurns(t *testing.T) {
	t.Parallel()
	f := open(t, filepath.Join(t.TempDir(), "x.db"))
	inside := 0
	var wg sync.WaitGroup
	for n := range 8 {
		write := f.Write
		if n%2 == 0 {
			write = f.Relax
		}
		wg.Go(func() {
			for range 20 {
				err := write(t.Context(), func(tx *sql.Tx) error {
					if inside++; inside != 1 { // the race detector sees it too
						t.Error("two are inside")
					}
					defer func() { inside-- }()
					_, err := tx.ExecContext(t.Context(), "INSERT INTO numbers VALUES (?)", n)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var rows int
	if err := f.Durable().QueryRowContext(t.Context(), "SELECT count(*) FROM numbers").Scan(&rows); err != nil || rows != 160 {
		t.Errorf("%d rows, %v, want 160", rows, err)
	}
}

// Whoever waits for a turn waits no longer than the context lets it; what fails is rolled
// back, and the turn given on.
func TestTurnIsGivenOn(t *testing.T) {
	t.Parallel()
	f := open(t, filepath.Join(t.TempDir(), "x.db"))
	broken := errors.New("broken")
	err := f.Write(t.Context(), func(tx *sql.Tx) error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := f.Relax(ctx, func(*sql.Tx) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want that the time is over", err)
		}
		_, err := tx.ExecContext(t.Context(), "INSERT INTO numbers VALUES (1)")
		return errors.Join(err, broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	err = f.Write(t.Context(), func(tx *sql.Tx) error {
		var rows int
		err := tx.QueryRowContext(t.Context(), "SELECT count(*) FROM numbers").Scan(&rows)
		if rows != 0 {
			t.Errorf("%d rows of a transaction that failed", rows)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	f := open(t, filepath.Join(t.TempDir(), "x.db"))
	own := &fairlead.Error{Kind: fairlead.Gone, Code: "gone"}
	if err := f.Refused(t.Context(), "write", errors.Join(own, sql.ErrTxDone)); !fairlead.IsKind(err, fairlead.Gone) {
		t.Errorf("got %v, want the error of its own", err)
	}
	if err := f.Refused(t.Context(), "write", errors.New("x")); fairlead.AsError(err).Code != "storage_failed" {
		t.Errorf("got %v, want storage_failed", err)
	}
	if _, err := f.Relaxed().ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil {
		t.Fatal(err)
	}
	_, err := f.Relaxed().ExecContext(t.Context(), "INSERT INTO numbers SELECT value FROM generate_series(1, 1)")
	if err == nil || f.isFull(err) {
		t.Errorf("got %v, which is no full disk", err)
	}
	_, err = f.Relaxed().ExecContext(t.Context(), "CREATE TABLE more (x)")
	if e := fairlead.AsError(f.Refused(t.Context(), "write", err)); e == nil || e.Kind != fairlead.Busy || e.Code != "storage_full" {
		t.Errorf("got %v of %v, want storage_full", e, err)
	}
	if err := f.probe(); err != nil {
		t.Errorf("probe: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(f.path), ".room-*")); len(left) != 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	for _, want := range []time.Time{{}, time.Unix(0, 0).UTC(), time.Date(2031, 5, 17, 1, 2, 3, 456000, time.UTC)} {
		if got := ToTime(FromTime(want)); !got.Equal(want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if got := Instant(want); !want.IsZero() && got != want.UnixMicro() || want.IsZero() && got != 0 {
			t.Errorf("Instant(%v) is %d", want, got)
		}
	}
	for _, want := range []map[string]any{nil, {"a": 1.5, "b": "x", "c": false}} {
		column, err := FromMap(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ToMap[any](column); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	}
	if list, err := FromList([]int64{1 << 62, -1}); err != nil || list != "[4611686018427387904,-1]" {
		t.Errorf("got %s, %v", list, err)
	}
	want := []float32{0, -1.5, float32(math.Inf(1)), math.SmallestNonzeroFloat32}
	if got, err := ToVector(FromVector(want)); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if _, err := ToVector([]byte{1, 2, 3}); err == nil {
		t.Error("three bytes are a vector")
	}
}
