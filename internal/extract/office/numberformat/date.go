package numberformat

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Epoch is the day from which a workbook counts the days of its dates.
type Epoch uint8

// The epochs.
const (
	// Since1900 is that of nearly all workbooks: day 1 is 1900-01-01. It has a
	// 1900-02-29, which there never was.
	Since1900 Epoch = iota
	// Since1904 is that of old ones from the Macintosh: day 0 is 1904-01-01.
	Since1904
)

// date says which parts of a date or a time a format shows.
type date struct {
	year, month, day      bool
	hour, minute, seconds bool
	elapsed               bool
}

// dateOf is what a section shows, if that is a date or a time; nil if it is not.
func dateOf(section string) *date {
	var d date
	plain, brackets := bare(strings.ToLower(section))
	if strings.Contains(plain, "general") {
		return nil
	}
	for _, inside := range brackets {
		if inside != "" && strings.Trim(inside, inside[:1]) == "" && strings.Contains("hms", inside[:1]) {
			d.elapsed, d.hour = true, true
		}
	}
	plain = strings.NewReplacer("am/pm", "", "a/p", "").Replace(plain)
	if strings.ContainsAny(plain, "0#?") && !d.elapsed && !strings.ContainsAny(plain, "hs") {
		return nil
	}
	d.note(plain)
	if !d.year && !d.month && !d.day && !d.hour && !d.minute && !d.seconds {
		return nil
	}
	return &d
}

// note notes the letters of a section. An m means minutes beside hours or seconds, and
// months elsewhere.
func (d *date) note(plain string) {
	letters := strings.Map(func(r rune) rune {
		if strings.ContainsRune("ymdhse", r) {
			return r
		}
		return -1
	}, plain)
	for i := range len(letters) {
		switch letters[i] {
		case 'y', 'e':
			d.year = true
		case 'd':
			d.day = true
		case 'h':
			d.hour = true
		case 's':
			d.seconds = true
		case 'm':
			before, after := strings.TrimRight(letters[:i], "m"), strings.TrimLeft(letters[i:], "m")
			if strings.HasSuffix(before, "h") || strings.HasPrefix(after, "s") {
				d.minute = true
			} else {
				d.month = true
			}
		}
	}
}

// lastDay is the last that spreadsheets know: the end of the year 9999.
const lastDay = 2958466

// show shows a number of days.
func (d *date) show(value float64, epoch Epoch) string {
	if value < 0 || value >= lastDay {
		return Plain(value)
	}
	days := math.Floor(value)
	seconds := math.Round((value - days) * 24 * 60 * 60)
	if d.elapsed {
		all := int64(days)*24*60*60 + int64(seconds)
		return fmt.Sprintf("%d:%02d:%02d", all/3600, all/60%60, all%60)
	}
	begin := time.Date(1899, time.December, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case epoch == Since1904:
		begin = time.Date(1904, time.January, 1, 0, 0, 0, 0, time.UTC)
	case days < 60: // before the day that there never was
		begin = begin.AddDate(0, 0, 1)
	}
	at := begin.AddDate(0, 0, int(days)).Add(time.Duration(seconds) * time.Second)
	return at.Format(d.layout())
}

// layout is how the parts are written, as package time has it.
func (d *date) layout() string {
	var layouts []string
	switch {
	case d.year && d.month && !d.day:
		layouts = append(layouts, "2006-01")
	case d.year && !d.month && !d.day:
		layouts = append(layouts, "2006")
	case d.year || d.month || d.day:
		layouts = append(layouts, "2006-01-02")
	}
	switch {
	case d.seconds:
		layouts = append(layouts, "15:04:05")
	case d.hour || d.minute:
		layouts = append(layouts, "15:04")
	}
	return strings.Join(layouts, " ")
}
