package mock

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// FlagsHelp lists what may follow the name "mock", for people.
const FlagsHelp = `The model's name says how the mock answers: mock, or mock+FLAG+FLAG...
Events are counted from the start of a stream; durations are 500ms, 2s or seconds.

What it says
  tokens=N           answer with N tokens; in a stream each is an event of its own
  echo               repeat the last user message
  usage=P:C          report P prompt tokens and C completion tokens
  nousage            report no usage
  comments           put a comment line before each event of a stream
  crlf               end the lines of a stream with CRLF
  multiline          spread the JSON of each event over two data lines
When it says it
  delay=D            wait before the first byte
  pace=D             wait between the events of a stream
How it fails
  status=N           answer with this error status, 400 to 599; +429 is short for +status=429
  retry_after=S      with an error status (429 if none is given): add Retry-After: S
  hang               never answer
  hang_after=N       stop sending after N events, or in the middle of a JSON answer, and stay silent
  cut=N[:B]          break the connection after N events and B bytes of the next, or in a JSON answer: after B bytes, or in its middle
  clean=N[:B]        the same, but end the answer there as a whole one ends
  malformed=N        make the Nth event, or a JSON answer, broken JSON
  error_midstream=N  after N events send an error event and end; a JSON answer is 200 with an error in it
  nodone             end a stream without finish reason, usage and end marker
  nofinish           end a stream without finish reason, but with the end marker
  html               answer 200 with an HTML page
  empty              answer 200 with nothing
  redirect=URL       answer 307 to URL
How often
  times=N            fail only the first N calls of this name, then answer
  id=NAME            no effect; makes a name, and so its count, your own
`

const (
	maxTokens   = 20_000
	maxCutBytes = 1 << 20
	maxWait     = 10 * time.Minute
	never       = -1
)

// behaviour is what a model's name asks for.
type behaviour struct {
	delay, pace time.Duration
	tokens      int // 0: as many as the text has
	echo        bool
	comments    bool
	crlf        bool
	multiline   bool
	usage       *usage // nil: counted
	nousage     bool
	times       int64 // 0: the fault strikes always
	id          string
	fault       fault
}

// fault is the part of a behaviour that the flag times limits.
type fault struct {
	status     int    // 0: none
	retryAfter string // "": no header
	hang       bool
	html       bool
	empty      bool
	redirect   string
	nodone     bool
	nofinish   bool
	// hangAfter, cut and errorAfter count the events before them, or are never.
	hangAfter, cut, errorAfter int
	// cutBytes are those of the event after the cut, or of a JSON answer, that are
	// sent; clean says that the connection outlives the cut.
	cutBytes  int
	clean     bool
	malformed int // the place of the broken event from 1; 0: none
}

type usage struct{ input, output int }

func noFault() fault { return fault{hangAfter: never, cut: never, errorAfter: never} }

func plain() behaviour { return behaviour{fault: noFault()} }

// parseModel reads the flags of a model's name. A name that is not the mock's
// has none.
func parseModel(name string) (behaviour, error) {
	b := plain()
	flags, ok := strings.CutPrefix(name, "mock+")
	if !ok {
		return b, nil
	}
	setters := b.setters()
	for flag := range strings.SplitSeq(flags, "+") {
		key, value, given := strings.Cut(flag, "=")
		if _, err := strconv.Atoi(key); err == nil && !given {
			key, value, given = "status", key, true
		}
		set, known := setters[key]
		if !known {
			return b, fmt.Errorf("the mock has no flag %q; it has %s", key, strings.Join(flagNames(), ", "))
		}
		if err := set(value, given); err != nil {
			return b, fmt.Errorf("flag %q of the mock: %w", key, err)
		}
	}
	if b.echo && b.tokens > 0 {
		return b, fmt.Errorf("flags %q and %q of the mock exclude each other", "echo", "tokens")
	}
	if b.fault.retryAfter != "" && b.fault.status == 0 {
		b.fault.status = 429
	}
	return b, nil
}

// flagNames lists the flags in the order of the help.
func flagNames() []string {
	var names []string
	for line := range strings.Lines(FlagsHelp) {
		if !strings.HasPrefix(line, "  ") {
			continue
		}
		name, _, _ := strings.Cut(strings.Fields(line)[0], "=")
		names = append(names, name)
	}
	return names
}

// setter takes a flag's value; given is false when there was no "=".
type setter func(value string, given bool) error

func (b *behaviour) setters() map[string]setter {
	f := &b.fault
	return map[string]setter{
		"tokens":          number(&b.tokens, 1, maxTokens),
		"echo":            alone(&b.echo),
		"usage":           b.setUsage,
		"nousage":         alone(&b.nousage),
		"comments":        alone(&b.comments),
		"crlf":            alone(&b.crlf),
		"multiline":       alone(&b.multiline),
		"delay":           duration(&b.delay),
		"pace":            duration(&b.pace),
		"status":          number(&f.status, 400, 599),
		"retry_after":     f.setRetryAfter,
		"hang":            alone(&f.hang),
		"hang_after":      number(&f.hangAfter, 0, maxTokens),
		"cut":             f.setCut,
		"clean":           f.setClean,
		"malformed":       number(&f.malformed, 1, maxTokens),
		"error_midstream": number(&f.errorAfter, 0, maxTokens),
		"nodone":          alone(&f.nodone),
		"nofinish":        alone(&f.nofinish),
		"html":            alone(&f.html),
		"empty":           alone(&f.empty),
		"redirect":        f.setRedirect,
		"times":           b.setTimes,
		"id":              text(&b.id),
	}
}

func alone(to *bool) setter {
	return func(_ string, given bool) error {
		if given {
			return errors.New("it takes no value")
		}
		*to = true
		return nil
	}
}

func number(to *int, least, most int) setter {
	return func(value string, _ bool) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < least || n > most {
			return fmt.Errorf("%q is not a number from %d to %d", value, least, most)
		}
		*to = n
		return nil
	}
}

func text(to *string) setter {
	return func(value string, _ bool) error {
		if value == "" {
			return errors.New("it needs a value")
		}
		*to = value
		return nil
	}
}

func duration(to *time.Duration) setter {
	return func(value string, _ bool) error {
		d, err := time.ParseDuration(value)
		if seconds, plainErr := strconv.ParseFloat(value, 64); plainErr == nil {
			d, err = time.Duration(seconds*float64(time.Second)), nil
		}
		if err != nil || d < 0 || d > maxWait {
			return fmt.Errorf("%q is not a duration up to %v", value, maxWait)
		}
		*to = d
		return nil
	}
}

func (b *behaviour) setUsage(value string, _ bool) error {
	input, output, _ := strings.Cut(value, ":")
	p, errP := strconv.Atoi(input)
	c, errC := strconv.Atoi(output)
	if errP != nil || errC != nil || p < 0 || c < 0 {
		return fmt.Errorf("%q is not PROMPT:COMPLETION, such as 12:34", value)
	}
	b.usage = &usage{p, c}
	return nil
}

func (b *behaviour) setTimes(value string, given bool) error {
	var n int
	if err := number(&n, 1, 1_000_000)(value, given); err != nil {
		return err
	}
	b.times = int64(n)
	return nil
}

func (f *fault) setCut(value string, given bool) error {
	events, rest, more := strings.Cut(value, ":")
	if err := number(&f.cut, 0, maxTokens)(events, given); err != nil || !more {
		return err
	}
	return number(&f.cutBytes, 0, maxCutBytes)(rest, given)
}

func (f *fault) setClean(value string, given bool) error {
	f.clean = true
	return f.setCut(value, given)
}

func (f *fault) setRetryAfter(value string, _ bool) error {
	if n, err := strconv.Atoi(value); err != nil || n < 0 {
		return fmt.Errorf("%q is not a number of seconds", value)
	}
	f.retryAfter = value
	return nil
}

func (f *fault) setRedirect(value string, _ bool) error {
	if u, err := url.Parse(value); err != nil || u.Host == "" {
		return fmt.Errorf("%q is not a URL", value)
	}
	f.redirect = value
	return nil
}
