package translate

import (
	"cmp"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/translate/field"
	"github.com/fairleadhq/fairlead/internal/translate/fromresponses"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
	"github.com/fairleadhq/fairlead/internal/translate/toolbox"
)

// Asked is a request of the Responses API as chat completions have it.
type Asked struct {
	// Body is the translation.
	Body []byte
	// Dropped names what did not survive, as Request tells it.
	Dropped []string
	// Whole is the request itself, and Tools are its tools: an answer is translated
	// by both. They share the bytes of the request.
	Whole rawjson.Object
	Tools *toolbox.Box
}

// Responses translates a request of the Responses API, with what came before it,
// into one for chat completions. Errors are those of Request.
func Responses(req *fairlead.Request, opts Options) (*Asked, error) {
	const api = "OpenAI's chat completions"
	job, err := field.NewJob(req.Body)
	if err != nil {
		return nil, field.Complain(err, api)
	}
	job.Out.Open('{')
	job.Model(opts.Model)
	tools, err := fromresponses.Request(job, fromresponses.Options{
		MaxTokensName: cmp.Or(opts.MaxTokensName, "max_completion_tokens"), Past: req.Past.Items,
	})
	if err != nil {
		return nil, field.Complain(err, api)
	}
	job.Out.Close('}')
	return &Asked{Body: job.Out.Bytes(), Dropped: job.Dropped(), Whole: job.Body, Tools: tools}, nil
}
