package bridge

import (
	"net/http"
	"strconv"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

const (
	// bytesPerToken is about what languages written in Latin letters have.
	bytesPerToken = 4
	// mediaTokens is what an image or a page of a document costs, about.
	mediaTokens = 1500
	// maxNested is how deep the contents of tool results may nest.
	maxNested = 4
)

// answerEstimate answers how many tokens a prompt has, for a provider that can't
// be asked.
func answerEstimate(body []byte, emit fairlead.Emit) error {
	text := append([]byte(`{"input_tokens":`), strconv.Itoa(estimate(body))...)
	for _, e := range []fairlead.Event{
		{Head: &fairlead.Head{ContentType: "application/json", Status: http.StatusOK}},
		{Data: append(text, '}')},
		{End: &fairlead.End{}},
	} {
		if err := emit(e); err != nil {
			return err
		}
	}
	return nil
}

// estimate is about how many tokens the prompt of a messages body has: one for
// every 4 bytes of system, tools and messages as they stand in the body, and
// 1,500 for each image and document that is not text.
func estimate(body []byte) int {
	o, err := rawjson.ReadObject(body)
	if err != nil {
		return 0
	}
	media := 0
	bytes := len(o.Get("system")) + len(o.Get("tools"))
	messages, err := rawjson.ReadArray(o.Get("messages"))
	if err != nil {
		return 0
	}
	for _, value := range messages {
		bytes += len(value)
		message, err := rawjson.ReadObject(value)
		if err != nil {
			continue
		}
		n, size := mediaIn(message.Get("content"), maxNested)
		media += n
		bytes -= size
	}
	return (bytes+bytesPerToken-1)/bytesPerToken + media*mediaTokens
}

// mediaIn counts the images and documents of a content that are not text, and the
// bytes that they take.
func mediaIn(content rawjson.Value, deeper int) (n, size int) {
	if content.Kind() != jsonscan.ArrayKind || deeper == 0 {
		return 0, 0
	}
	blocks, err := rawjson.ReadArray(content)
	if err != nil {
		return 0, 0
	}
	for _, value := range blocks {
		block, err := rawjson.ReadObject(value)
		if err != nil {
			continue
		}
		if inner := block.Get("content"); inner.Kind() == jsonscan.ArrayKind {
			more, bytes := mediaIn(inner, deeper-1)
			n, size = n+more, size+bytes
			continue
		}
		source, err := rawjson.ReadObject(block.Get("source"))
		if err == nil && !source.Get("type").Is("text") && !source.Get("type").Is("content") {
			n, size = n+1, size+len(value)
		}
	}
	return n, size
}
