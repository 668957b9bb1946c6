package envelope

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
)

// TestResponsesDepth: a body nests a few levels less than what is made of it may.
func TestResponsesDepth(t *testing.T) {
	const deepest = jsonscan.MaxDepth - levelsAround
	nested := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	for _, form := range []string{
		`{"input":"x","metadata":%s}`, `{"input":%s}`, `{"tools":%s,"input":"x"}`, `{"anything":%s}`,
	} {
		if _, err := Responses(fmt.Appendf(nil, form, nested(deepest-1))); err != nil {
			t.Errorf(form+": %v", "…", err)
		}
		_, err := Responses(fmt.Appendf(nil, form, nested(deepest)))
		e := fairlead.AsError(err)
		if e == nil || e.Kind != fairlead.Invalid || e.Code != "invalid_json" || !strings.HasPrefix(e.Detail, "values nest too deep at byte ") {
			t.Errorf(form+", too deep: %v", "…", err)
		}
	}
}
