package translate_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/translate"
	"github.com/fairleadhq/fairlead/internal/translate/field"
)

// TestRulesAreDocumented holds the tables of docs/translation.md to the rules.
func TestRulesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/translation.md")
	if err != nil {
		t.Fatal(err)
	}
	for heading, rules := range map[string][]field.Rule{
		"## From chat completions to messages":  chatRules(),
		"## From messages to chat completions":  messagesRules(),
		"## From responses to chat completions": responsesRules(),
	} {
		_, section, found := strings.Cut(string(page), heading+"\n")
		if !found || len(rules) < 30 {
			t.Fatalf("no section %q, or %d rules: the test is not reading them", heading, len(rules))
		}
		section, _, _ = strings.Cut(section, "\n## ")
		if want := table(rules); !strings.Contains(section, want) {
			t.Errorf("docs/translation.md: the table below %q must be\n%s", heading, want)
		}
	}
}

// fates are their names in the documentation.
var fates = [...]string{field.Kept: "kept", field.Mapped: "mapped", field.Dropped: "dropped", field.Refused: "refused"}

// table is the documentation of rules.
func table(rules []field.Rule) string {
	var b strings.Builder
	b.WriteString("| field | is | becomes | |\n|---|---|---|---|\n")
	for _, r := range rules {
		becomes := ""
		if r.Becomes != "" {
			becomes = "`" + r.Becomes + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.Name, fates[r.Fate], becomes, r.Why)
	}
	return b.String()
}

// TestRulesHold sends every top-level field with a value that asks for
// something, and looks whether its fate is the one in the table.
func TestRulesHold(t *testing.T) {
	for _, from := range []fairlead.Dialect{chat, messages} {
		least, to, rules := leastChat, messages, chatRules()
		if from == messages {
			least, to, rules = leastMessages, chat, messagesRules()
		}
		seen := 0
		for _, r := range rules {
			if strings.ContainsAny(r.Name, ".[") || r.Fate == field.Mapped {
				continue
			}
			seen++
			if got := fateOf(from, to, least, r); got != r.Fate {
				t.Errorf("%s of %s: is %q, the table says %q", r.Name, from, fates[got], fates[r.Fate])
			}
			if _, dropped, err := translate.Request(from, to, []byte(least+`,"`+r.Name+`":null}`), translate.Options{}); err != nil || len(dropped) > 0 {
				t.Errorf("%s of %s: null gives %q and %v", r.Name, from, dropped, err)
			}
		}
		if seen < 10 {
			t.Errorf("looked at %d fields of %s", seen, from)
		}
	}
}

// fateOf is what happens to a field that asks for much.
func fateOf(from, to fairlead.Dialect, least string, r field.Rule) field.Fate {
	const value = `{"asks":"much"}`
	out, dropped, err := translate.Request(from, to, []byte(least+`,"`+r.Name+`":`+value+"}"), translate.Options{})
	switch {
	case err != nil:
		return field.Refused
	case slices.Equal(dropped, []string{r.Name}):
		return field.Dropped
	case strings.Contains(string(out), `"`+r.Becomes+`":`+value) && len(dropped) == 0:
		return field.Kept
	}
	return 0
}
