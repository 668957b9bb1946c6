package traffic

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestReadLog(t *testing.T) {
	log, err := ReadLog(strings.NewReader(`{"time":"2026-01-02T10:00:00Z","level":"INFO","msg":"started"}
{"time":"2026-01-02T10:00:10.5Z","msg":"request","app":"crm","outcome":"ok","provider":"openai","attempts":1,"waited_ms":500,"duration_ms":2500,"input_tokens":12,"output_tokens":47}
{"time":"2026-01-02T10:00:10Z","msg":"request","app":"import","outcome":"busy","code":"queue_full_app","attempts":0,"waited_ms":0,"duration_ms":0.2}
{"time":"2026-01-02T10:00:11Z","msg":"request","app":"crm","outcome":"limited","code":"rate_limit_requests","attempts":0,"duration_ms":0}
{"time":"2026-01-02T10:00:12Z","msg":"request","app":"crm","outcome":"invalid","code":"invalid_json","attempts":0,"duration_ms":1}
{"time":"2026-01-02T10:00:13Z","msg":"request","app":"crm","outcome":"ok","provider":"groq","attempts":1,"waited_ms":0,"duration_ms":6000}
not JSON
{"time":"2026-01-02T10:00:14`))
	if err != nil {
		t.Fatal(err)
	}
	second := time.Second
	want := &Log{
		Calls: []Recorded{
			{App: "crm", Provider: "groq", Arrived: 0, Work: 6 * second},
			{App: "crm", Provider: "openai", Arrived: second, Work: 2 * second, Tokens: Tokens{Prompt: 12, Answer: 47}},
			{App: "import", Arrived: 3*second - 200*time.Microsecond, Work: 2 * second}, // the median of all
			{App: "crm", Arrived: 4 * second, Work: 2 * second},                         // the median of its app
		},
		Skipped: 4, Guessed: 2,
	}
	if !reflect.DeepEqual(log, want) {
		t.Errorf("got  %+v\nwant %+v", log, want)
	}
}

func TestLogWithoutCalls(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":           "",
		"made for people":   "10:00:00 INF request app=crm\n",
		"only refused ones": `{"time":"2026-01-02T10:00:10Z","msg":"request","app":"import","outcome":"busy","attempts":0}`,
		"a line too long":   strings.Repeat("x", maxLogLine+1),
	} {
		if log, err := ReadLog(strings.NewReader(text)); err == nil {
			t.Errorf("%s: got %+v", name, log)
		}
	}
}
