// Package numberformat shows the numbers of a spreadsheet's cells as the cells' formats
// say: with their decimals, signs of currency and per cent, as the sheet's readers know
// them. Dates and times are shown as ISO 8601 has them, whatever order their format
// has, so that they read the same in all sheets. A format that asks for more than that
// (fractions, conditions) shows the number plainly.
//
// The patterns are those of ECMA-376 part 1, 18.8.30 and 18.8.31.
//
// Start with Parse.
package numberformat

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Format is how a number is shown. The zero Format shows it plainly.
type Format struct {
	sections []string
	date     *date
}

// maxPattern is how long a format may be.
const maxPattern = 1000

// Parse reads the pattern of a format. What it does not know shows numbers plainly.
func Parse(pattern string) Format {
	if len(pattern) > maxPattern || pattern == "" || strings.EqualFold(pattern, "general") || pattern == "@" {
		return Format{}
	}
	const ofNumbers = 3 // the fourth section is that of texts
	sections := split(pattern)
	sections = sections[:min(len(sections), ofNumbers)]
	if d := dateOf(sections[0]); d != nil {
		return Format{date: d}
	}
	if slices.ContainsFunc(sections, unknown) {
		return Format{}
	}
	return Format{sections: sections}
}

// Builtin is the format of that number which is not written in the document.
func Builtin(id int) Format {
	codes := map[int]string{
		1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy",
		18: "h:mm", 19: "h:mm:ss", 20: "h:mm", 21: "h:mm:ss", 22: "m/d/yy h:mm", 37: "#,##0;(#,##0)", 38: "#,##0;(#,##0)",
		39: "#,##0.00;(#,##0.00)", 40: "#,##0.00;(#,##0.00)", 41: "#,##0;(#,##0);-", 42: "$#,##0;($#,##0);-", 43: "#,##0.00;(#,##0.00);-",
		44: "$#,##0.00;($#,##0.00);-", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0",
	}
	// These are dates in the calendars of East Asia.
	if id >= 27 && id <= 36 || id >= 50 && id <= 58 {
		return Parse("yyyy-mm-dd")
	}
	return Parse(codes[id])
}

// split parts a pattern into its sections, for positive numbers, negative ones, and zero.
func split(pattern string) []string {
	var sections []string
	start := 0
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '"':
			i += skipTo(pattern[i+1:], '"')
		case '[':
			i += skipTo(pattern[i+1:], ']')
		case '\\', '_', '*':
			i++
		case ';':
			sections = append(sections, pattern[start:i])
			start = i + 1
		}
	}
	return append(sections, pattern[min(start, len(pattern)):])
}

// skipTo is how many bytes there are up to and with end.
func skipTo(rest string, end byte) int {
	if at := strings.IndexByte(rest, end); at >= 0 {
		return at + 1
	}
	return len(rest)
}

// bare is a section without what is shown as it is, and without what stands in
// brackets, which is returned beside.
func bare(section string) (plain string, brackets []string) {
	var text strings.Builder
	for i := 0; i < len(section); i++ {
		switch section[i] {
		case '"':
			i += skipTo(section[i+1:], '"')
		case '[':
			n := skipTo(section[i+1:], ']')
			brackets = append(brackets, strings.TrimSuffix(section[i+1:i+1+n], "]"))
			i += n
		case '\\', '_', '*':
			i++
		default:
			text.WriteByte(section[i])
		}
	}
	return text.String(), brackets
}

// unknown reports whether a section asks for what is not shown here.
func unknown(section string) bool {
	plain, brackets := bare(section)
	for _, inside := range brackets {
		if strings.ContainsAny(inside[:min(len(inside), 1)], "<>=") {
			return true
		}
	}
	plain = strings.ToUpper(plain)
	return strings.ContainsAny(plain, "/@") || strings.Contains(plain, "E+") || strings.Contains(plain, "E-")
}

// Show shows a number. epoch is the day that dates are counted from.
func (f Format) Show(value float64, epoch Epoch) string {
	switch {
	case math.IsNaN(value) || math.IsInf(value, 0):
		return ""
	case f.date != nil:
		return f.date.show(value, epoch)
	case len(f.sections) == 0:
		return Plain(value)
	}
	section, negative := f.sections[0], value < 0
	switch {
	case negative && len(f.sections) > 1:
		section, negative = f.sections[1], false // its signs are its own
	case value == 0 && len(f.sections) > 2:
		section = f.sections[2]
	}
	text := strings.TrimSpace(fill(section, math.Abs(value)))
	if negative && strings.ContainsAny(text, "123456789") {
		return "-" + text
	}
	return text
}

// Plain shows a number with as many digits as it needs, at most the 15 that
// spreadsheets reckon with.
func Plain(value float64) string {
	const digits = 15
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(value, 'g', digits, 64), 64)
	if err != nil {
		rounded = value
	}
	if size := math.Abs(rounded); size != 0 && (size < 1e-9 || size >= 1e20) {
		return strconv.FormatFloat(rounded, 'G', -1, 64)
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// places are the places for digits of a section.
type places struct {
	whole, least, most int // digits: the least before the point, least and most behind it
	grouped            bool
	scale              float64
}

// fill puts a number that is not negative into a section.
func fill(section string, value float64) string {
	plain, _ := bare(section)
	p := placesOf(plain)
	digits := p.digits(value * p.scale)
	var text strings.Builder
	filled := false
	for i := 0; i < len(section); i++ {
		switch c := section[i]; c {
		case '"':
			n := skipTo(section[i+1:], '"')
			text.WriteString(strings.TrimSuffix(section[i+1:i+1+n], `"`))
			i += n
		case '[':
			n := skipTo(section[i+1:], ']')
			text.WriteString(currency(strings.TrimSuffix(section[i+1:i+1+n], "]")))
			i += n
		case '\\':
			if i++; i < len(section) {
				text.WriteByte(section[i])
			}
		case '_', '*':
			i++
			text.WriteByte(' ')
		case '0', '#', '?', '.', ',':
			if !filled && c != ',' {
				text.WriteString(digits)
				filled = true
			}
		default:
			text.WriteByte(c)
		}
	}
	return strings.ToValidUTF8(text.String(), "")
}

// currency is the sign that stands in brackets, as in [$€-407].
func currency(inside string) string {
	sign, ok := strings.CutPrefix(inside, "$")
	if !ok {
		return ""
	}
	sign, _, _ = strings.Cut(sign, "-")
	return sign
}

// placesOf counts the places of a bare section.
func placesOf(section string) places {
	p := places{scale: 1}
	behind, last := false, -1
	for i := range len(section) {
		switch section[i] {
		case '.':
			behind = true
		case '0', '#', '?':
			last = i
			if behind {
				p.most++
			}
			if section[i] != '0' {
				continue
			}
			if behind {
				p.least = p.most
			} else {
				p.whole++
			}
		case '%':
			p.scale *= 100
		}
	}
	if last < 0 {
		return p
	}
	p.grouped = strings.Contains(section[:last], ",")
	for i := last + 1; i < len(section) && section[i] == ','; i++ {
		p.scale /= 1000
	}
	return p
}

// digits writes a number into the places.
func (p places) digits(value float64) string {
	const longest = 20 // digits behind the point
	most := min(p.most, longest)
	whole, behind, _ := strings.Cut(round(value, most), ".")
	for len(behind) > p.least && strings.HasSuffix(behind, "0") {
		behind = behind[:len(behind)-1]
	}
	whole = strings.TrimLeft(whole, "0")
	whole = strings.Repeat("0", max(0, min(p.whole, longest)-len(whole))) + whole
	if p.grouped {
		whole = group(whole)
	}
	if behind == "" {
		return whole
	}
	return whole + "." + behind
}

// round writes a number with so many digits behind the point, halves rounded up as
// they are read and not as they are kept: 2.675 is 2.68.
func round(value float64, digits int) string {
	text := strconv.FormatFloat(value, 'f', -1, 64)
	if exact, err := strconv.ParseFloat(strconv.FormatFloat(value, 'g', 15, 64), 64); err == nil {
		text = strconv.FormatFloat(exact, 'f', -1, 64)
	}
	whole, behind, _ := strings.Cut(text, ".")
	if len(behind) <= digits {
		if digits == 0 {
			return whole
		}
		return whole + "." + behind + strings.Repeat("0", digits-len(behind))
	}
	up := behind[digits] >= '5'
	number := []byte(whole + behind[:digits])
	for i := len(number) - 1; up && i >= 0; i-- {
		if up = number[i] == '9'; up {
			number[i] = '0'
		} else {
			number[i]++
		}
	}
	if up {
		number = append([]byte{'1'}, number...)
	}
	at := len(number) - digits
	if digits == 0 {
		return string(number)
	}
	return string(number[:at]) + "." + string(number[at:])
}

// group parts the digits of a whole number in threes.
func group(whole string) string {
	var text strings.Builder
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			text.WriteByte(',')
		}
		text.WriteRune(digit)
	}
	return text.String()
}
