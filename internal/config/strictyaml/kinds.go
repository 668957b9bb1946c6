package strictyaml

import (
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time, written as seconds (30, 0.5) or as Go spells
// it (30s, 1m30s).
type Duration time.Duration

// Std returns the duration as time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String spells the duration as Go does, without the zeros at its end.
func (d Duration) String() string {
	if d == 0 {
		return "0"
	}
	s := d.Std().String()
	if d.Std()%time.Minute == 0 {
		s = strings.TrimSuffix(s, "0s")
	}
	if d.Std()%time.Hour == 0 {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Size is a number of bytes, written as a number or with a unit: B, KB, MB, GB,
// TB (powers of 1000), KiB, MiB, GiB, TiB (powers of 1024), in any case.
type Size int64

// String spells the size with the largest unit that divides it.
func (s Size) String() string {
	if s <= 0 {
		return strconv.FormatInt(int64(s), 10)
	}
	for _, u := range sizeUnits() {
		if int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// Secret is a value that is never printed. String and every encoder show
// "***"; Reveal gives the value to whoever must send or hash it.
type Secret string

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// GoString hides the secret.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }
