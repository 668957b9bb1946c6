package reply

import (
	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect"
)

// Stream translates a stream from the provider's dialect to the client's. It is
// used by one goroutine. What it returns takes the place of what it was given.
type Stream struct{ machine machine }

// machine is one direction.
type machine interface {
	block(frames []byte) (out []byte, err error)
	end() (out []byte, err error)
}

// defaultMaxHeld is how many bytes a stream may hold back, if Options don't say.
const defaultMaxHeld = 1 << 20

// NewStream returns the translation of a stream. It fails with Kind Unsupported
// for a pair of dialects that is not translated.
func NewStream(from, to fairlead.Dialect, opts Options) (*Stream, error) {
	if opts.MaxHeld <= 0 {
		opts.MaxHeld = defaultMaxHeld
	}
	switch {
	case from == fairlead.AnthropicMessages && to == fairlead.OpenAIChat:
		return &Stream{&chatStream{opts: opts}}, nil
	case from == fairlead.OpenAIChat && to == fairlead.AnthropicMessages:
		return &Stream{&messagesStream{
			watch: dialect.NewStreamWatch(dialect.Outgoing{}), maxHeld: opts.MaxHeld,
		}}, nil
	}
	return nil, unsupported()
}

// Block takes a block of whole frames and returns frames of the other dialect,
// valid until the next call; often none. The frames that say that the answer is
// complete are not among them: End returns those.
//
// The error, which is for good, is of Kind Upstream: upstream_error when an
// event says so, upstream_malformed_event when one is not valid JSON or does not
// fit those before it, upstream_invalid_answer when a tool is called with
// arguments that are no JSON object, upstream_answer_too_large when more would
// have to be held back than is allowed. out then is what came before.
func (s *Stream) Block(frames []byte) (out []byte, err error) { return s.machine.block(frames) }

// End is asked once, when the stream has ended, by its end marker or otherwise.
// It returns the frames that end the client's stream, end marker included.
// Errors are of Kind Upstream: what Block said; upstream_truncated when the end
// marker never came, or no finish reason before it; upstream_invalid_answer. There
// are no frames then.
func (s *Stream) End() (out []byte, err error) { return s.machine.end() }
