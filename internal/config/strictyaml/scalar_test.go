package strictyaml

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDurations(t *testing.T) {
	good := map[string]time.Duration{
		"0": 0, "30": 30 * time.Second, "0.5": 500 * time.Millisecond, "60.0": time.Minute, "1m30s": 90 * time.Second,
		"250ms": 250 * time.Millisecond, "0.1": 100 * time.Millisecond, "9223372036": 9223372036 * time.Second, "0s": 0,
	}
	for text, want := range good {
		if got, complaint := parseDuration(text); got.Std() != want || complaint != "" {
			t.Errorf("%q: got %v %q, want %v", text, got, complaint, want)
		}
	}
	for _, text := range []string{"", "-1", "-1s", "1e3", "NaN", "Inf", "9223372037", "1 s", "5x", "0x10", "1_000", "1d"} {
		if got, complaint := parseDuration(text); complaint == "" {
			t.Errorf("%q is accepted as %v", text, got)
		}
	}
}

func TestDurationsAreSpelledSoThatTheyReadBack(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0": 0, "30s": 30 * time.Second, "5m": 5 * time.Minute, "36h": 36 * time.Hour, "1h30m": 90 * time.Minute,
		"1h0m1s": time.Hour + time.Second, "1.5s": 1500 * time.Millisecond, "10m": 10 * time.Minute, "10h": 10 * time.Hour,
	} {
		if got := Duration(d).String(); got != want {
			t.Errorf("%v is spelled %s, want %s", d, got, want)
		}
		if got, _ := parseDuration(Duration(d).String()); got.Std() != d {
			t.Errorf("%s is read as %v, want %v", Duration(d), got, d)
		}
	}
}

func TestNumbers(t *testing.T) {
	good := map[string]float64{
		"0": 0, "0.0": 0, "0.8": 0.8, ".5": 0.5, "5.": 5, "09.50": 9.5, strings.Repeat("0", 100) + "1": 1, "0." + strings.Repeat("0", 400) + "1": 0,
	}
	for text, want := range good {
		if got, complaint := parseFloat(text, 0); got != want || complaint != "" {
			t.Errorf("%q: got %v %q, want %v", text, got, complaint, want)
		}
	}
	huge := strings.Repeat("9", 400)
	for _, text := range []string{"", ".", "-1", "-0", "1e3", "NaN", "Inf", "0x1p-2", "1_0", " 1", "1,5", "+1", huge} {
		if got, complaint := parseFloat(text, 0); complaint == "" {
			t.Errorf("%q is accepted as %v", text, got)
		}
	}
	for text, want := range map[string]string{
		"0.9999": "", "1": "is not below 1", "1.0": "is not below 1", "0." + strings.Repeat("9", 30): "is not below 1", huge: "is not below 1",
	} {
		if _, complaint := parseFloat(text, 1); complaint != want {
			t.Errorf("%q: got %q, want %q", text, complaint, want)
		}
	}
}

func TestSizes(t *testing.T) {
	good := map[string]Size{
		"0": 0, "123": 123, "2GB": 2e9, "2gb": 2e9, "512MiB": 512 << 20, "512mib": 512 << 20, "1KB": 1000, "1KiB": 1024,
		"1.5MB": 1500000, "7 GiB": 7 << 30, "3TB": 3e12, "1TiB": 1 << 40, "12B": 12, "9223372036854775807": math.MaxInt64,
	}
	for text, want := range good {
		if got, complaint := parseSize(text); got != want || complaint != "" {
			t.Errorf("%q: got %d %q, want %d", text, got, complaint, want)
		}
	}
	for _, text := range []string{"", "GB", "-1", "-1GB", "1.5", "0.0001KB", "9223372036854775808", "8388608TiB", "1G", "1e9", "x", "1 2GB"} {
		if got, complaint := parseSize(text); complaint == "" {
			t.Errorf("%q is accepted as %d", text, got)
		}
	}
}

func TestSizesAreSpelledSoThatTheyReadBack(t *testing.T) {
	for want, size := range map[string]Size{"0": 0, "2GB": 2e9, "32MiB": 32 << 20, "1001B": 1001, "1TiB": 1 << 40, "1500MB": 15e8} {
		if got := size.String(); got != want {
			t.Errorf("%d is spelled %s, want %s", size, got, want)
		}
		if got, _ := parseSize(size.String()); got != size {
			t.Errorf("%s is read as %d, want %d", size, got, size)
		}
	}
}

func TestExpand(t *testing.T) {
	env := map[string]string{"A": "a", "EMPTY": "", "NESTED": "${A}", "YAML": "x: [y]"}
	tests := []struct {
		text, want string
		unset      []string
	}{
		{"plain", "plain", nil},
		{"${A}", "a", nil},
		{"<${A}${A}>", "<aa>", nil},
		{"${B:-b}", "b", nil},
		{"${B:-}", "", nil},
		{"${EMPTY:-e}", "e", nil},
		{"${EMPTY}", "", nil},
		{"${A:-b}", "a", nil},
		{"${NESTED}", "${A}", nil},
		{"${YAML}", "x: [y]", nil},
		{"${B:-x:-y}", "x:-y", nil},
		{"${B}/${C}", "/", []string{"B", "C"}},
		{"$${A}", "${A}", nil},
		{"$$${A}", "$${A}", nil},
		{"$A $ $$", "$A $ $$", nil},
		{"${A}}", "a}", nil},
	}
	for _, tt := range tests {
		e := expand(tt.text, env)
		if e.text != tt.want || !slices.Equal(e.unset, tt.unset) || e.malformed != "" {
			t.Errorf("%q: got %+v, want %q %q", tt.text, e, tt.want, tt.unset)
		}
	}
	for _, text := range []string{"${", "${A", "${}", "${1}", "${A-b}", "${ A}", "${:-b}", "a${A:b}"} {
		if e := expand(text, env); e.malformed == "" {
			t.Errorf("%q is accepted as %q", text, e.text)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	names := []string{"listen", "data_dir", "log_format"}
	for name, want := range map[string]string{
		"lisen": "listen", "Listen": "listen", "ilsten": "listen", "datadir": "data_dir", "logformat": "log_format",
		"zzz": "", "": "", "x": "",
	} {
		got := DidYouMean(name, names)
		if want != "" {
			want = `did you mean "` + want + `"?`
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
