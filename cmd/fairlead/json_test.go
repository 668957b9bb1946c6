package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdJSON looks at a value of the last body.
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, "json PATH [WANT|~PATTERN|-as VAR]", args, 1, 3)
	value, found := lookUp(ts, args[0])
	switch {
	case neg && (found || len(args) > 1):
		ts.Fatalf("%s is there", args[0])
	case neg:
		return
	case !found:
		ts.Fatalf("there is no %s", args[0])
	case len(args) == 3 && args[1] == "-as":
		ts.Setenv(args[2], spell(ts, value))
	case len(args) == 2:
		compare(ts, args[0], spell(ts, value), args[1])
	}
}

func compare(ts *testscript.TestScript, path, got, want string) {
	if pattern, ok := strings.CutPrefix(want, "~"); ok {
		if matched, err := regexp.MatchString("^(?:"+pattern+")$", got); err != nil || !matched {
			ts.Fatalf("%s is %s, which does not match %s", path, got, pattern)
		}
		return
	}
	var a, b any
	if json.Unmarshal([]byte(got), &a) == nil && json.Unmarshal([]byte(want), &b) == nil && reflect.DeepEqual(a, b) {
		return
	}
	if got != want {
		ts.Fatalf("%s is %s, want %s", path, got, want)
	}
}

// spell is a string's text, or any other value as JSON.
func spell(ts *testscript.TestScript, value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	ts.Check(encoder.Encode(value))
	return strings.TrimSuffix(b.String(), "\n")
}

// lookUp finds the value at a path such as data.0.id; "." is the whole.
func lookUp(ts *testscript.TestScript, path string) (any, bool) {
	decoder := json.NewDecoder(bytes.NewReader(storyOf(ts).document))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		ts.Fatalf("the last body is not JSON: %v", err)
	}
	if path == "." {
		return value, true
	}
	for name := range strings.SplitSeq(path, ".") {
		var found bool
		switch in := value.(type) {
		case map[string]any:
			value, found = in[name]
		case []any:
			if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(in) {
				value, found = in[i], true
			}
		}
		if !found {
			return nil, false
		}
	}
	return value, true
}

func cmdKeys(ts *testscript.TestScript, args []string) {
	need(ts, "keys PATH NAME…", args, 1, len(args)+1)
	value, _ := lookUp(ts, args[0])
	object, ok := value.(map[string]any)
	if !ok {
		ts.Fatalf("%s is not an object", args[0])
	}
	got, want := slices.Sorted(maps.Keys(object)), slices.Sorted(slices.Values(args[1:]))
	if !slices.Equal(got, want) {
		ts.Fatalf("%s has the keys %q, want %q", args[0], got, want)
	}
}

// frames are the data of the last body's frames.
func frames(ts *testscript.TestScript) []string {
	s := storyOf(ts)
	if s.last == nil {
		ts.Fatalf("there is no answer yet")
	}
	var all []string
	for frame := range strings.SplitSeq(string(s.last.body), "\n\n") {
		var data []string
		for line := range strings.SplitSeq(frame, "\n") {
			if text, ok := strings.CutPrefix(line, "data:"); ok {
				data = append(data, strings.TrimPrefix(text, " "))
			}
		}
		if len(data) > 0 {
			all = append(all, strings.Join(data, "\n"))
		}
	}
	if len(all) == 0 {
		ts.Fatalf("the last body is no stream of events:\n%s", s.last.whole())
	}
	return all
}

func cmdFrame(ts *testscript.TestScript, args []string) {
	which := need(ts, "frame N|last", args, 1, 1)[0]
	all := frames(ts)
	n := len(all)
	if which != "last" {
		var err error
		n, err = strconv.Atoi(which)
		ts.Check(err)
	}
	if n < 1 || n > len(all) {
		ts.Fatalf("there are %d frames", len(all))
	}
	storyOf(ts).document = []byte(all[n-1])
	fmt.Fprintln(ts.Stdout(), all[n-1])
}

func cmdSaid(ts *testscript.TestScript, args []string) {
	want := need(ts, "said TEXT", args, 1, 1)[0]
	var said strings.Builder
	for _, data := range frames(ts) {
		var chunk struct {
			Choices []struct{ Delta struct{ Content string } }
			Delta   struct{ Text string }
		}
		if json.Unmarshal([]byte(data), &chunk) != nil {
			continue
		}
		said.WriteString(chunk.Delta.Text)
		if len(chunk.Choices) > 0 {
			said.WriteString(chunk.Choices[0].Delta.Content)
		}
	}
	if said.String() != want {
		ts.Fatalf("the stream said %q, want %q", said.String(), want)
	}
}
