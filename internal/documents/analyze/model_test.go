package analyze_test

import (
	"context"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/fairleadhq/fairlead"
)

// asked is a question as the model sees it.
type asked struct {
	nth     int // from 1
	request *fairlead.Request
	system  string
	user    string
	last    string // the last message
	schema  bool
	merging bool
}

// model is a language model that a test plays.
type model struct {
	mu    sync.Mutex
	asked []asked
	running,
	most int
	answer func(ctx context.Context, q asked) (string, error)
}

func (m *model) Answer(ctx context.Context, _ *fairlead.Call, req *fairlead.Request, emit fairlead.Emit) error {
	var body struct {
		Messages []struct{ Role, Content string } `json:"messages"`
		Format   *json.RawMessage                 `json:"response_format"`
	}
	if err := json.Unmarshal(req.Body, &body); err != nil {
		panic(err)
	}
	q := asked{request: req, schema: body.Format != nil}
	q.system, q.user, q.last = body.Messages[0].Content, body.Messages[1].Content, body.Messages[len(body.Messages)-1].Content
	q.merging = strings.Contains(q.system, "candidate findings")
	m.mu.Lock()
	m.running++
	m.most = max(m.most, m.running)
	q.nth = len(m.asked) + 1
	m.asked = append(m.asked, q)
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.running--
		m.mu.Unlock()
	}()
	text, err := m.answer(ctx, q)
	if err != nil {
		return err
	}
	whole, err := json.Marshal(map[string]any{"choices": []any{map[string]any{"index": 0, "finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": text}}}})
	if err != nil {
		panic(err)
	}
	for _, e := range []fairlead.Event{{Head: &fairlead.Head{ContentType: "application/json"}}, {Data: whole[:len(whole)/2]}, {Data: whole[len(whole)/2:]}, {End: &fairlead.End{Usage: fairlead.Usage{Input: 100, Output: 10}, Finish: "stop"}}} {
		if err := emit(e); err != nil {
			return err
		}
	}
	return nil
}

// calls is how many questions were asked.
func (m *model) calls() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.asked)
}

// honest reads as it was told to: it quotes the sentences that have one of the words, a
// little changed, and merges candidates by their numbers.
func honest(words ...string) func(context.Context, asked) (string, error) {
	return func(_ context.Context, q asked) (string, error) {
		if q.merging {
			return mergeAll(q), nil
		}
		var found []any
		for _, p := range pagesOf(q.user) {
			for _, s := range strings.SplitAfter(strings.ReplaceAll(p.text, ".\n", ". \n"), ". ") {
				s = strings.TrimSpace(s[strings.LastIndex(s, "\n")+1:])
				for _, w := range words {
					if strings.Contains(s, w) && !strings.Contains(s, " | ") {
						found = append(found, item(w, "It is said of "+w+".", p.number, strings.ToUpper(s[:1])+strings.ReplaceAll(s[1:], " ", "  ")))
						break
					}
				}
			}
		}
		return encode(found), nil
	}
}

func item(title, detail string, page int, quotes ...string) map[string]any {
	var citations []any
	for _, q := range quotes {
		citations = append(citations, map[string]any{"page": page, "quote": q})
	}
	return map[string]any{"category": "risk", "title": title, "detail": detail, "importance": 3, "citations": citations}
}

func encode(findings []any) string {
	raw, err := json.Marshal(map[string]any{"findings": findings})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// mergeAll makes a finding of each candidate.
func mergeAll(q asked) string {
	var merged []any
	for _, m := range regexp.MustCompile(`"number":(\d+),(?:"category":"([a-z_]*)",)?"title":"([^"]*)"`).FindAllStringSubmatch(q.user, -1) {
		n, _ := strconv.Atoi(m[1])
		merged = append(merged, map[string]any{"category": m[2], "title": "Merged: " + m[3], "detail": "All of it.", "importance": 3, "sources": []int{n}})
	}
	return encode(merged)
}

type shownPage struct {
	number int
	text   string
}

// pagesOf are the pages that a question shows.
func pagesOf(user string) (out []shownPage) {
	marks := regexp.MustCompile(`(?m)^\[page (\d+)\]\n`).FindAllStringSubmatchIndex(user, -1)
	for i, m := range marks {
		end := strings.LastIndex(user, "\n<<<end of")
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		n, _ := strconv.Atoi(user[m[2]:m[3]])
		out = append(out, shownPage{n, user[m[1]:end]})
	}
	return out
}
