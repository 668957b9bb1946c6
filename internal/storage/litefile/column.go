package litefile

import (
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// FromTime and ToTime turn a time into what a column holds and back: microseconds since
// 1970 in UTC, and NULL for the zero time.
func FromTime(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

// ToTime is the other way of FromTime.
func ToTime(column sql.NullInt64) time.Time {
	if !column.Valid {
		return time.Time{}
	}
	return time.UnixMicro(column.Int64).UTC()
}

// Instant is a time as a column holds it that is never NULL; 0 is the zero time.
func Instant(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// FromMap and ToMap turn a map into what a column holds and back: a JSON object, or "" for
// a map that has nothing.
func FromMap[V any](m map[string]V) (string, error) {
	if len(m) == 0 {
		return "", nil
	}
	text, err := json.Marshal(m)
	return string(text), err
}

// ToMap is the other way of FromMap; "" gives nil.
func ToMap[V any](column string) (m map[string]V, err error) {
	if column != "" {
		err = json.Unmarshal([]byte(column), &m)
	}
	return m, err
}

// FromList is values as a JSON array. A statement that takes it reads it with json_each:
// there may be more of them than a statement has places.
func FromList[V any](values []V) (string, error) {
	if len(values) == 0 {
		return "[]", nil
	}
	text, err := json.Marshal(values)
	return string(text), err
}

// FromVector and ToVector turn a vector into what a column holds and back: four bytes a
// value, the least significant first.
func FromVector(vector []float32) []byte {
	column := make([]byte, 0, 4*len(vector))
	for _, x := range vector {
		column = binary.LittleEndian.AppendUint32(column, math.Float32bits(x))
	}
	return column
}

// ToVector is the other way of FromVector.
func ToVector(column []byte) ([]float32, error) {
	if len(column)%4 != 0 {
		return nil, fmt.Errorf("a stored vector has %d bytes", len(column))
	}
	vector := make([]float32, len(column)/4)
	for i := range vector {
		vector[i] = math.Float32frombits(binary.LittleEndian.Uint32(column[4*i:]))
	}
	return vector, nil
}
