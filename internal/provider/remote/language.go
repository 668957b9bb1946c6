package remote

import (
	"net/http"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect"
)

// The media types of answers.
const (
	mediaJSON   = "application/json"
	eventStream = "text/event-stream"
)

// Language is what one API has of its own.
type Language struct {
	// KeyHeader is the header that carries the key, KeyPrefix what stands before
	// it there.
	KeyHeader, KeyPrefix string
	// Header is sent with every request. A client that says one of these itself
	// has it its way.
	Header map[string]string
	// Ways are what can be asked for, and how.
	Ways []Way
	// ModelsPath is where the models are listed, as {"data": [{"id": …}]}.
	ModelsPath string
	// ReadError reads what the body of an error says.
	ReadError func(body []byte) dialect.Words
	// StatusOf is the status that an error's code stands for, whatever the
	// answer's own is; 0 if it stands for none. It may be nil.
	StatusOf func(code string) int
	// Kept are the headers of an answer that are passed on. The upstream's limits
	// are not the caller's.
	Kept []Kept
}

// Kept is a header of an answer that is passed on, under another name or the
// same; both are canonical.
type Kept struct{ Name, As string }

// Way is how one operation is asked for in one dialect.
type Way struct {
	Operation fairlead.Operation
	Dialect   fairlead.Dialect
	// Path is added to the base URL.
	Path string
	// Outgoing makes the body that is sent to a provider, which is self; nil means
	// dialect.ForUpstream.
	Outgoing func(req *fairlead.Request, self fairlead.Maker) (dialect.Outgoing, error)
	// Whole judges an answer that was gathered. It returns an error unless that is
	// whole and no error object.
	Whole func(body []byte) (fairlead.End, error)
	// Watch returns what watches the stream that answers out; nil if the
	// operation has no streams.
	Watch    func(out dialect.Outgoing) Watch
	MaxFrame int // longest event of a stream, in bytes; 0 means 1 MiB
	// Begins reports whether whole frames of a stream have content: anything that
	// was generated.
	Begins func(frames []byte) bool
	// Tail finds the end of an answer that is too long to be gathered.
	Tail Tail
}

func (w *Way) outgoing(req *fairlead.Request, self fairlead.Maker) (dialect.Outgoing, error) {
	if w.Outgoing != nil {
		return w.Outgoing(req, self)
	}
	return dialect.ForUpstream(req), nil
}

// Watch looks at a stream as it passes. It is used by one goroutine.
type Watch interface {
	// Block looks at whole frames and returns what of them is passed on, valid
	// until the next call. Its error is for good; what came before it is passed on.
	Block(frames []byte) (out []byte, err error)
	// Done reports whether the end marker has come.
	Done() bool
	// End is asked once the stream has ended. It returns the frames that end it,
	// end marker included, or an error if it is not whole.
	End() (last []byte, end fairlead.End, err error)
}

// Tail names the members in which an answer tells its end: the counts of usage
// that make up the input, that of the output, and the finish reason.
type Tail struct {
	Input          []string
	Output, Finish string
}

// way is how the operation is asked for in the dialect; nil if it is not there.
func (l *Language) way(op fairlead.Operation, in fairlead.Dialect) *Way {
	for i := range l.Ways {
		if l.Ways[i].Operation == op && l.Ways[i].Dialect == in {
			return &l.Ways[i]
		}
	}
	return nil
}

// meant is the status that an error answer stands for.
func (l *Language) meant(status int, code string) int {
	if status < http.StatusBadRequest || l.StatusOf == nil {
		return status
	}
	if meant := l.StatusOf(code); meant != 0 {
		return meant
	}
	return status
}
