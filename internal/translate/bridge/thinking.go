package bridge

import (
	"strconv"
	"strings"

	"github.com/fairleadhq/fairlead/internal/translate"
)

// The first version of Claude whose thinking is asked for by an effort alone.
const effortMajor, effortMinor = 4, 6

// longestVersion is how many digits a part of a version has at most; a date has
// more.
const longestVersion = 2

// thinkingOf is how a model is asked to think, by its name: one of a Claude
// before 4.6 by a budget, any other by an effort.
func thinkingOf(model string) translate.Thinking {
	_, name, ok := strings.Cut(strings.ToLower(model), "claude-")
	if !ok {
		return translate.ByEffort
	}
	var version []int
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return r == '-' || r == '.' || r == '@' || r == ':' }) {
		n, err := strconv.Atoi(part)
		if err == nil && len(part) <= longestVersion {
			version = append(version, n)
		} else if len(version) > 0 {
			break // a word before the version is of the family's name
		}
	}
	if len(version) == 0 {
		return translate.ByEffort
	}
	version = append(version, 0)
	if version[0] < effortMajor || version[0] == effortMajor && version[1] < effortMinor {
		return translate.ByBudget
	}
	return translate.ByEffort
}
