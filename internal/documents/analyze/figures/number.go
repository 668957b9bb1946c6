package figures

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// number is a figure as it is printed.
type number struct {
	// digits is the figure in Go's notation, without sign: "1577.2".
	digits   string
	negative bool
	paren    bool // in parentheses
	percent  bool
	currency string
	nothing  bool // a dash: there is no value
	col      int  // in which cell, from 0
}

// value is the number times 10 to the power of exponent, rounded once.
func (n number) value(exponent int) (v float64, ok bool) {
	v, err := strconv.ParseFloat(n.digits+"e"+strconv.Itoa(exponent), 64)
	if err != nil {
		return 0, false
	}
	if n.negative {
		v = -v
	}
	return v, true
}

// readNumber reads a word of a table as a number. ok is false for what is none, such as
// a word, or a date. lone is what parts the fraction where that can't
// be told: a point or a comma.
func readNumber(word string, lone byte) (n number, ok bool) {
	if isDash(word) {
		return number{nothing: true}, true
	}
	n = n.strip(&word)
	if word == "" || word[0] < '0' || word[0] > '9' {
		return number{}, false
	}
	if n.digits, ok = readDigits(word, lone); !ok {
		return number{}, false
	}
	return n, true
}

func isDash(word string) bool {
	switch word {
	case "-", "–", "—", "−", "--", "n/a", "N/A", "nil":
		return true
	}
	return false
}

// strip takes off a word what stands around its digits: currency, sign, parentheses and
// percent sign.
func (n number) strip(word *string) number {
	w := *word
	for range 4 {
		before := w
		if rest, c := currencyBefore(w); c != "" {
			w, n.currency = strings.TrimSpace(rest), c
		}
		if r, size := utf8.DecodeRuneInString(w); strings.ContainsRune("-−–△▲", r) && len(w) > size {
			w, n.negative = w[size:], true
		}
		if rest, ok := strings.CutPrefix(w, "("); ok {
			w, n.paren, n.negative = strings.TrimSpace(rest), true, true
		}
		w = strings.TrimPrefix(w, "+")
		if w == before {
			break
		}
	}
	for range 4 {
		before := w
		w = strings.TrimSpace(strings.TrimSuffix(w, ")"))
		if rest, ok := strings.CutSuffix(w, "%"); ok {
			w, n.percent = strings.TrimSpace(rest), true
		}
		if rest, c := currencyBehind(w); c != "" {
			w, n.currency = strings.TrimSpace(rest), c
		}
		if rest, ok := strings.CutSuffix(w, "-"); ok { // a minus sign behind, as SAP prints it
			w, n.negative = rest, true
		}
		if w == before {
			break
		}
	}
	*word = w
	return n
}

// readDigits reads digits with separators.
func readDigits(w string, lone byte) (digits string, ok bool) {
	w = strings.NewReplacer("'", " ", "’", " ", "\u00a0", " ", "\u202f", " ", "\u2009", " ").Replace(w)
	if len(w) > 40 {
		return "", false
	}
	dots, commas, spaces := strings.Count(w, "."), strings.Count(w, ","), strings.Count(w, " ")
	point := byte(0) // what parts the fraction
	switch {
	case dots > 0 && commas > 0:
		point = w[max(strings.LastIndexByte(w, '.'), strings.LastIndexByte(w, ','))]
	case dots+commas == 1:
		mark := byte('.')
		if commas == 1 {
			mark = ','
		}
		if spaces > 0 || len(w)-strings.IndexByte(w, mark) != 4 || w[0] == '0' || mark == lone {
			point = mark
		}
	}
	whole, fraction := w, ""
	if point != 0 {
		i := strings.LastIndexByte(w, point)
		if strings.IndexByte(w, point) != i {
			return "", false
		}
		whole, fraction = w[:i], w[i+1:]
	}
	if whole, ok = grouped(whole); !ok || !onlyDigits(fraction) || point != 0 && fraction == "" {
		return "", false
	}
	return whole + "." + fraction + "0", true
}

// grouped is a whole number without what parts its groups of three, or of two behind
// the last three.
func grouped(w string) (digits string, ok bool) {
	at := strings.IndexAny(w, "., ")
	if at < 0 {
		return w, onlyDigits(w) && w != ""
	}
	groups := strings.Split(w, w[at:at+1])
	for i, g := range groups {
		last := i == len(groups)-1
		if !onlyDigits(g) || i == 0 && (g == "" || len(g) > 3) || last && len(g) != 3 || i > 0 && !last && len(g) != 3 && len(g) != 2 {
			return "", false
		}
	}
	return strings.Join(groups, ""), true
}

func onlyDigits(w string) bool {
	for i := range len(w) {
		if w[i] < '0' || w[i] > '9' {
			return false
		}
	}
	return true
}

// numbersOf reads the values of the cells behind a row's label. What stands in cells of
// its own, a currency before or a percent sign behind, goes to its number.
func numbersOf(cells []string, first int, lone byte) []number {
	var all []number
	currency := ""
	for i, cell := range cells {
		cell = strings.TrimSpace(cell)
		switch cell {
		case "":
			continue
		case ")":
			continue
		case "%", ")%", ") %":
			if len(all) > 0 {
				all[len(all)-1].percent = true
			}
			continue
		}
		if rest, c := currencyBefore(cell); c != "" && strings.Trim(rest, " ") == "" {
			currency = c
			continue
		}
		n, ok := readNumber(cell, lone)
		if !ok {
			continue
		}
		if n.currency == "" {
			n.currency = currency
		}
		currency, n.col = "", first+i
		all = append(all, n)
	}
	return all
}

// trailing reads the numbers at the end of a line that was a row once. label is what
// stands before them.
func trailing(text string, lone byte) (label string, all []number) {
	words := strings.Fields(text)
	from := len(words)
	for from > 0 && len(words)-from < maxColumns {
		w := words[from-1]
		if _, ok := readNumber(w, lone); !ok && w != ")" && w != "%" && !isCurrency(w) {
			break
		}
		from--
	}
	return strings.Join(words[:from], " "), numbersOf(words[from:], 0, lone)
}
