package metric

import (
	"math"
	"strconv"
	"strings"
)

// Amount is a value with its unit: "money", "per_share", "shares", "percent" or "times".
type Amount struct {
	Value          float64
	Unit, Currency string
	// Scaled says that Value is in single units; else it is not known what it counts.
	Scaled bool
}

// String writes the amount for people: "1.577 billion USD", "12.5 %", "1.85".
func (a Amount) String() string {
	switch a.Unit {
	case "percent":
		return strconv.FormatFloat(a.Value, 'f', 1, 64) + " %"
	case "times", string(PerShare):
		return strings.TrimSpace(strconv.FormatFloat(a.Value, 'f', 2, 64) + " " + a.Currency)
	}
	v, word, places := a.Value, "", 2
	switch size := math.Abs(v); {
	case !a.Scaled:
	case size >= 1e9:
		v, word, places = v/1e9, "billion", 3
	case size >= 1e6:
		v, word, places = v/1e6, "million", 3
	}
	digits := strings.TrimRight(strings.TrimRight(strconv.FormatFloat(v, 'f', places, 64), "0"), ".")
	text := strings.Join(strings.Fields(grouped(digits)+" "+word+" "+a.Currency), " ")
	if !a.Scaled {
		text += " (unit not stated)"
	}
	return text
}

// grouped puts commas between thousands.
func grouped(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return sign + whole
}
