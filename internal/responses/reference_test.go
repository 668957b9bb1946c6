package responses_test

import (
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/responses"
)

// keptUpstream has a maker answer app a with a message, reasoning, an image and code
// that ran in a container, all of which it keeps.
func keptUpstream(t *testing.T, d *desk, body string, head fairlead.Head) (id string) {
	t.Helper()
	turn, _ := d.begin(nil, body)
	if turn.Background() {
		if _, err := turn.Queue(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	object := `{"id":"resp_up","object":"response","status":"completed","output":[{"id":"rs_up","type":"reasoning","summary":[]},` +
		`{"id":"ig_up","type":"image_generation_call","result":"aGk="},{"id":"ci_up","type":"code_interpreter_call","container_id":"cntr_up"},` +
		`{"id":"sh_up","type":"shell_call","environment":{"type":"container_reference","container_id":"cntr_shell"}},` +
		`{"id":"msg_up","type":"message","role":"assistant","content":[]}]}`
	blocks := []string{object}
	if head.Stream {
		blocks = []string{stream("resp_up", "x")[0], frame("response.completed", `"response":`+object)}
	}
	if _, err := d.answer(turn, head, blocks...); err != nil {
		t.Fatal(err)
	}
	turn.Close(t.Context(), nil)
	return turn.ID()
}

// naming are bodies that name what a maker keeps, with the path of the name.
func naming() map[string]string {
	return map[string]string{
		`{"input":["x",{"type":"item_reference","id":"msg_up"}]}`:                                               "input[1].id",
		`{"input":[{"id":"msg_up"}]}`:                                                                           "input[0].id",
		`{"input":[{"type":null,"id":"msg_up"}]}`:                                                               "input[0].id",
		`{"input":[{"\u0069d":"msg_up","t\u0079pe":"item\u005freference"}]}`:                                    "input[0].id",
		`{"input":[{"type":"image_generation_call","id":"ig_up"}]}`:                                             "input[0].id",
		`{"input":[{"type":"code_interpreter_call","id":"ci_x","code":"1","container_id":"cntr_up"}]}`:          "input[0].container_id",
		`{"tools":[{"type":"x"},{"type":"code_interpreter","container":"cntr_up"}]}`:                            "tools[1].container",
		`{"tools":[{"type":"shell","environment":{"type":"container_reference","container_id":"cntr_shell"}}]}`: "tools[0].environment.container_id",
	}
}

// An app names what makers keep of its own answers, and nothing else: what another app
// has is refused as what nobody has.
func TestForeignReferences(t *testing.T) {
	maker := fairlead.Maker{Provider: "openai", Key: "k1"}
	for name, c := range map[string]struct {
		body string
		head fairlead.Head
	}{
		"whole":      {hello, fairlead.Head{Keeper: maker}},
		"stream":     {hello, fairlead.Head{Keeper: maker, Stream: true}},
		"background": {`{"background":true}`, fairlead.Head{Keeper: maker, Stream: true}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, responses.DefaultLimits())
			id := keptUpstream(t, d, c.body, c.head)
			for body, path := range naming() {
				d.checkNaming(body, path)
			}
			if err := d.Delete(t.Context(), "a", id); err != nil {
				t.Fatal(err)
			}
			for body := range naming() {
				if e := d.refused("a", nil, body); e.Code != "foreign_reference" {
					t.Errorf("%s of what was deleted: %+v", body, e)
				}
			}
		})
	}
}

// checkNaming checks that app a may send the body, as it is, and app b may not.
func (d *desk) checkNaming(body, path string) {
	d.t.Helper()
	turn, req := d.begin(nil, body)
	turn.Close(d.t.Context(), nil)
	if string(req.Body) != body {
		d.t.Errorf("%s\n became %s", body, req.Body)
	}
	foreign := d.refused("b", nil, body)
	if foreign.Kind != fairlead.Invalid || foreign.Code != "foreign_reference" || foreign.Param != path {
		d.t.Errorf("%s of another app: %+v", body, foreign)
	}
	unknown := d.refused("b", nil, strings.ReplaceAll(body, "_up", "_none"))
	if *foreign != *unknown {
		d.t.Errorf("%s: %+v, and of one that nobody has %+v", body, foreign, unknown)
	}
}

// What an app may name does not cover what stands beside it.
func TestForeignBesideOwn(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	keptUpstream(t, d, hello, fairlead.Head{Keeper: fairlead.Maker{Provider: "openai", Key: "k1"}})
	const both = `{"container_id":"cntr_up","environment":{"container_id":"cntr_b"}}`
	for body, path := range map[string]string{
		`{"input":[` + both + `]}`: "input[0].environment.container_id",
		`{"tools":[` + both + `]}`: "tools[0].environment.container_id",
		`{"tools":[{"container":"cntr_up","environment":{"container_id":"cntr_b"}}]}`: "tools[0].environment.container_id",
		`{"input":[{"type":"item_reference","id":"msg_up"},{"id":"msg_b"}]}`:          "input[1].id",
	} {
		if e := d.refused("a", nil, body); e.Code != "foreign_reference" || e.Param != path {
			t.Errorf("%s: %+v", body, e)
		}
	}
}

// No conversation is made here, so each is somebody else's. What the owner of a key
// makes passes.
func TestWhatIsNotMadeHere(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	for _, body := range []string{`{"conversation":"conv_1"}`, `{"conversation":{"id":"conv_1"}}`} {
		if e := d.refused("a", nil, body); e.Code != "foreign_reference" || e.Param != "conversation" {
			t.Errorf("%s: %+v", body, e)
		}
	}
	for _, body := range []string{ // of which nobody can say what they name
		`{"input":[{"type":"message","type":"item_reference","id":"msg_1"}]}`, `{"tools":[{"container":1,"container":"cntr_1"}]}`,
		`{"tools":[{"environment":{"container_id":null,"container_id":"cntr_1"}}]}`,
		`{"input":[{"environment":{"container_id":null,"container_id":"cntr_1"}}]}`,
	} {
		if e := d.refused("a", nil, body); e.Kind != fairlead.Invalid || e.Code != "duplicate_key" {
			t.Errorf("%s: %+v", body, e)
		}
	}
	for _, body := range []string{
		`{"conversation":null,"input":"id"}`, `{"prompt":{"id":"pmpt_1","version":"2"}}`,
		`{"tools":[{"type":"file_search","vector_store_ids":["vs_1"]},{"type":"code_interpreter","container":{"type":"auto","file_ids":["file_1"]}},1]}`,
		`{"tools":null,"input":[{"role":"user","content":[{"type":"input_file","file_id":"file_1"}]},1,{"type":"message","id":"msg_9","role":"assistant","content":[]}]}`,
		`{"input":[{"type":"image_generation_call","id":"ig_9","result":"aGk="},{"type":"code_interpreter_call","id":"ci_9","code":"1"}]}`,
	} {
		turn, req := d.begin(nil, body)
		turn.Close(t.Context(), nil)
		if string(req.Body) != body {
			t.Errorf("%s\n became %s", body, req.Body)
		}
	}
}

// Reasoning that the app's answers do not have is left out, where an item does not
// carry it with it.
func TestForeignReasoning(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	keptUpstream(t, d, hello, fairlead.Head{Keeper: fairlead.Maker{Provider: "openai", Key: "k1"}})
	const (
		own       = `{"type":"reasoning","id":"rs_up","summary":[]}`
		other     = `{"type":"reasoning","id":"rs_other","summary":[{"type":"summary_text","text":"x"}],"content":[]}`
		encrypted = `{"type":"reasoning","id":"rs_other","summary":[],"encrypted_content":"abc"}`
		open      = `{"type":"reasoning","id":"rs_other","content":[{"type":"reasoning_text","text":"x"}]}`
	)
	for items, want := range map[string]string{
		own:                                   own,
		other:                                 "",
		encrypted + "," + open:                encrypted + "," + open,
		own + "," + other + "," + asked("hi"): own + "," + asked("hi"),
	} {
		turn, req := d.begin(nil, `{"input":[`+items+`]}`)
		turn.Close(t.Context(), nil)
		if string(req.Body) != `{"input":[`+want+`]}` {
			t.Errorf("%s\n became %s", items, req.Body)
		}
	}
}
