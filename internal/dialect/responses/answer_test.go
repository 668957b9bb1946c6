package responses

import (
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
)

func TestReadAnswer(t *testing.T) {
	usage := fairlead.Usage{Input: 3, Output: 4}
	cut := strings.Replace(ended, `"status":"completed"`, `"status":"incomplete"`, 1)
	for _, test := range []struct {
		name, body string
		want       fairlead.End
	}{
		{"completed", ended, fairlead.End{Usage: usage, Finish: "completed"}},
		{"with space", " \n" + strings.ReplaceAll(ended, `,"`, " ,\n\t\"") + "\n", fairlead.End{Usage: usage, Finish: "completed"}},
		{"cut", strings.Replace(cut, `"incomplete_details":null`, `"incomplete_details":{"reason":"content_filter"}`, 1), fairlead.End{Usage: usage, Finish: "content_filter"}},
		{"cut without a reason", cut, fairlead.End{Usage: usage, Finish: "incomplete"}},
		{"no usage", strings.Replace(ended, `"usage"`, `"use"`, 1), fairlead.End{Finish: "completed"}},
		{"odd usage", strings.Replace(ended, `"input_tokens":3`, `"input_tokens":-3`, 1), fairlead.End{Usage: fairlead.Usage{Output: 4}, Finish: "completed"}},
		{"what nobody knows", strings.Replace(ended, `"object"`, `"x":{"error":"y","status":"failed"},"object"`, 1), fairlead.End{Usage: usage, Finish: "completed"}},
	} {
		if got, err := ReadAnswer([]byte(test.body)); got != test.want || err != nil {
			t.Errorf("%s: got %+v, %v, want %+v", test.name, got, err, test.want)
		}
	}
}

func TestReadAnswerFails(t *testing.T) {
	invalid := fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_invalid_answer"}
	reported := fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_error", Detail: "it fell over"}
	as := func(status string) string {
		return strings.Replace(ended, `"status":"completed"`, `"status":"`+status+`"`, 1)
	}
	failed := strings.Replace(as("failed"), `"error":null`, `"error":{"code":"server_error","message":"it fell over"}`, 1)
	for _, test := range []struct {
		name, body string
		want       fairlead.Error
	}{
		{"failed", failed, reported},
		{"failed without an error", as("failed"), fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_error"}},
		{"failed for its prompt", strings.Replace(failed, "server_error", "invalid_prompt", 1), fairlead.Error{Kind: fairlead.Invalid, Code: "invalid_prompt"}},
		{"failed for the load", strings.Replace(failed, "server_error", "slow_down", 1), fairlead.Error{Kind: fairlead.Busy, Code: "provider_unavailable", Detail: "it fell over"}},
		{"an error object", `{"error":{"message":"it fell over"}}`, reported},
		{"an error in text", `{"error":"it fell over"}`, reported},
		{"queued", as("queued"), invalid},
		{"in progress", as("in_progress"), invalid},
		{"cancelled", as("cancelled"), invalid},
		{"no status", strings.Replace(ended, `"status"`, `"state"`, 1), invalid},
		{"no id", strings.Replace(ended, `"id":"resp_1",`, "", 1), invalid},
		{"an id that is none", strings.Replace(ended, `"id":"resp_1"`, `"id":1`, 1), invalid},
		{"no output", strings.Replace(ended, `"output":[`, `"put":[`, 1), invalid},
		{"a chat completion", `{"id":"chatcmpl-1","choices":[{"message":{"role":"assistant"},"finish_reason":"stop"}]}`, invalid},
		{"two names", strings.Replace(ended, `"object"`, `"status"`, 1), invalid},
		{"more behind it", ended + "{}", invalid},
		{"an array", "[" + ended + "]", invalid},
		{"nothing", "", invalid},
	} {
		_, err := ReadAnswer([]byte(test.body))
		if e := fairlead.AsError(err); e == nil || e.Kind != test.want.Kind || e.Code != test.want.Code || e.Detail != test.want.Detail {
			t.Errorf("%s: got %+v, want %+v", test.name, e, test.want)
		}
	}
	for cut := range len(ended) {
		if _, err := ReadAnswer([]byte(ended[:cut])); err == nil {
			t.Fatalf("taken for whole: %q", ended[:cut])
		}
	}
}
