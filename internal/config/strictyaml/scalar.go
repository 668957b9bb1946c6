package strictyaml

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// assign parses text as the type of into and sets it. It returns what is wrong
// with text, worded to follow it ("is not a whole number"), or "".
func assign(into reflect.Value, text string, f Field) (complaint string) {
	switch target := into.Addr().Interface().(type) {
	case *int:
		return set(target, text, func(s string) (int, string) { return parseInt(s, f.Least, f.Most) })
	case *float64:
		return set(target, text, func(s string) (float64, string) { return parseFloat(s, f.Below) })
	case *bool:
		return set(target, text, parseBool)
	case *Duration:
		return set(target, text, parseDuration)
	case *Size:
		return set(target, text, parseSize)
	case *Secret:
		return set(target, text, func(s string) (Secret, string) { return Secret(s), plainText(s) })
	case *string:
		return set(target, text, func(s string) (string, string) { return s, oneOf(s, f.OneOf) })
	case *[]string:
		return set(target, text, func(s string) ([]string, string) { return splitList(s, f.OneOf) })
	}
	return "cannot be written as one value"
}

// set gives target what parse makes of text, unless parse complains.
func set[T any](target *T, text string, parse func(string) (T, string)) (complaint string) {
	value, complaint := parse(text)
	if complaint == "" {
		*target = value
	}
	return complaint
}

func parseInt(text string, least, most int) (value int, complaint string) {
	if !regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`).MatchString(text) {
		return 0, "is not a whole number"
	}
	if strings.HasPrefix(text, "-") {
		return 0, "must not be negative"
	}
	n, err := strconv.Atoi(text)
	if err != nil || (most > 0 && n > most) {
		return 0, fmt.Sprintf("is more than %d, the most allowed", most)
	}
	if n < least {
		return 0, fmt.Sprintf("is less than %d, the least allowed", least)
	}
	return n, ""
}

// parseFloat reads a plain decimal number that is less than below, unless that
// is 0. It takes no exponents, as durations and sizes don't.
func parseFloat(text string, below int) (value float64, complaint string) {
	if !isDecimal(text) {
		return 0, "is not a number such as 0.8"
	}
	if strings.HasPrefix(text, "-") {
		return 0, "must not be negative"
	}
	value, err := strconv.ParseFloat(text, 64)
	if below > 0 && value >= float64(below) {
		return 0, fmt.Sprintf("is not below %d", below)
	}
	if err != nil {
		return 0, "is larger than this program can count"
	}
	return value, ""
}

// isDecimal reports whether text is a plain decimal number.
func isDecimal(text string) bool {
	return regexp.MustCompile(`^-?([0-9]+(\.[0-9]*)?|\.[0-9]+)$`).MatchString(text)
}

func parseBool(text string) (value bool, complaint string) {
	switch text {
	case "true":
		return true, ""
	case "false":
		return false, ""
	}
	return false, "is neither true nor false"
}

// parseDuration reads seconds as a number, or a duration as Go spells it.
func parseDuration(text string) (d Duration, complaint string) {
	seconds, isNumber := parseDecimal(text)
	if !isNumber {
		parsed, err := time.ParseDuration(text)
		if err != nil {
			return 0, "is neither a number of seconds nor a duration such as 30s or 1m30s"
		}
		if parsed < 0 {
			return 0, "must not be negative"
		}
		return Duration(parsed), ""
	}
	if seconds.Sign() < 0 {
		return 0, "must not be negative"
	}
	nanos, _ := seconds.Mul(seconds, new(big.Rat).SetInt64(int64(time.Second))).Float64()
	if nanos >= math.MaxInt64 {
		return 0, "is longer than this program can count"
	}
	return Duration(math.Round(nanos)), ""
}

// parseDecimal reads a plain decimal number exactly. It takes no exponents, so
// the time it needs is linear in the text.
func parseDecimal(text string) (value *big.Rat, ok bool) {
	if len(text) > longestName || !isDecimal(text) {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// sizeUnit is a unit of bytes.
type sizeUnit struct {
	name  string
	bytes int64
}

// sizeUnits lists the units, the largest first.
func sizeUnits() []sizeUnit {
	return []sizeUnit{
		{"TiB", 1 << 40},
		{"TB", 1e12},
		{"GiB", 1 << 30},
		{"GB", 1e9},
		{"MiB", 1 << 20},
		{"MB", 1e6},
		{"KiB", 1 << 10},
		{"KB", 1e3},
		{"B", 1},
	}
}

// parseSize reads a number of bytes, with or without a unit.
func parseSize(text string) (size Size, complaint string) {
	const form = "is not a size such as 512MiB or 2GB"
	number, unit := text, int64(1)
	for _, u := range sizeUnits() {
		if len(text) > len(u.name) && strings.EqualFold(text[len(text)-len(u.name):], u.name) {
			number, unit = strings.TrimSpace(text[:len(text)-len(u.name)]), u.bytes
			break
		}
	}
	value, ok := parseDecimal(number)
	if !ok {
		return 0, form
	}
	if value.Sign() < 0 {
		return 0, "must not be negative"
	}
	value.Mul(value, new(big.Rat).SetInt64(unit))
	if !value.IsInt() {
		return 0, "is not a whole number of bytes"
	}
	if !value.Num().IsInt64() {
		return 0, "is larger than this program can count"
	}
	return Size(value.Num().Int64()), ""
}

// oneOf checks a text against the allowed ones; none means any.
func oneOf(text string, allowed []string) (complaint string) {
	if len(allowed) == 0 || slices.Contains(allowed, text) {
		return plainText(text)
	}
	return "is not one of " + strings.Join(allowed, ", ")
}

// splitList reads texts that are separated by commas, each one of the allowed.
func splitList(text string, allowed []string) (list []string, complaint string) {
	list = []string{}
	if strings.TrimSpace(text) == "" {
		return list, ""
	}
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		complaint := oneOf(item, allowed)
		if complaint != "" && item != text {
			complaint = fmt.Sprintf("holds %q, which %s", item, complaint)
		}
		if complaint != "" {
			return nil, complaint
		}
		list = append(list, item)
	}
	return list, ""
}

// plainText refuses what no name, address or key holds, and what would garble
// a log.
func plainText(text string) (complaint string) {
	if !utf8.ValidString(text) {
		return "is not UTF-8"
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return "holds a control character or a line break"
	}
	return ""
}
