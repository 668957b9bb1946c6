package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// DefaultPath is the file that is read when none is named, if it exists.
const DefaultPath = "fairlead.yaml"

// Input is everything that a configuration is made of.
type Input struct {
	// Path names the file in messages.
	Path string
	// Data is the file's content; nil means that there is no file.
	Data []byte
	// Environ is the environment in the form of os.Environ. A variable that is
	// empty counts as not set, except inside ${NAME}.
	Environ []string
	// Flags are values from the command line, by dotted key ("server.listen").
	Flags map[string]string
}

// Loaded is a valid configuration, with how it came about.
type Loaded struct {
	Config  Config
	Origins Origins
	// Warnings are sentences for the log; they hold no secret.
	Warnings []string
}

// Read reads the configuration file and takes the environment of this process
// with it. An empty path stands for FAIRLEAD_CONFIG, and without that for
// ./fairlead.yaml if it exists. It blocks on the file system. An error is of
// type Errors, as those of Load are.
func Read(path string) (Input, error) {
	in := Input{Path: path, Environ: os.Environ()}
	if in.Path == "" {
		in.Path = environment(in.Environ)["FAIRLEAD_CONFIG"]
	}
	named := in.Path != ""
	if !named {
		in.Path = DefaultPath
	}
	data, err := readFile(in.Path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return in, nil
	}
	if err != nil {
		return Input{}, Errors{{File: in.Path, Message: "cannot be read: " + err.Error()}}
	}
	in.Data = data
	return in, nil
}

// readFile reads a regular file up to just over the largest size that Load
// accepts, so that Load tells of a larger one.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, reason(err)
	}
	if info.IsDir() {
		return nil, errors.New("it is a directory")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, reason(err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFileSize+1))
	if err != nil {
		return nil, reason(err)
	}
	return data, nil
}

// reason strips the path from an error of the file system: the problem names
// it already.
func reason(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}

// Defaults is the configuration of an empty file in an empty environment.
func Defaults() Config {
	return Config{
		Server: Server{
			Listen:       "127.0.0.1:8080",
			DataDir:      "./fairlead-data",
			MemoryLimit:  2e9,
			MaxBody:      32 << 20,
			DrainTimeout: Duration(30 * time.Second),
			LogFormat:    "auto",
		},
		Limits: Limits{
			MaxConcurrentRequests: 20,
			RateLimitPerMinute:    200,
			MaxQueue:              500,
			MaxQueuePerApp:        queueShare(500),
			Burst:                 Burst{RequestsPerSecond: 50, Block: Duration(300 * time.Second)},
		},
		Timeouts: Timeouts{
			Chat:  Duration(120 * time.Second),
			Embed: Duration(120 * time.Second),
		},
	}
}

// queueShare is the part of a queue that one app may fill by default; without
// a limit on the queue there is none on the part.
func queueShare(queue int) int {
	if queue == 0 {
		return 0
	}
	return max(1, queue/4)
}

// Load makes the effective configuration of its parts: flags win over the
// environment, the environment over the file, the file over defaults. It
// returns every problem at once, as Errors. It blocks on the file system only
// to see whether the certificate's files are there.
func Load(in Input) (*Loaded, error) {
	l := &loader{
		src:     newSource(shownPath(in.Path), ""),
		env:     environment(in.Environ),
		config:  Defaults(),
		origins: Origins{},
		at:      map[string]*yaml.Node{},
	}
	tree := l.parse(in.Data)
	readable := len(l.problems) == 0
	if tree != nil {
		l.mapping(tree, path{}, reflect.ValueOf(&l.config).Elem())
	}
	l.detectProviders()
	l.applyEnvironment()
	l.applyFlags(in.Flags)
	if readable {
		l.complete()
		l.validate()
	}
	if len(l.problems) > 0 {
		return nil, l.finish()
	}
	for i, warning := range l.warnings {
		l.warnings[i] = l.src.censor(warning)
	}
	return &Loaded{Config: l.config, Origins: l.origins, Warnings: l.warnings}, nil
}

// environment makes a map of os.Environ; the last value of a name wins.
func environment(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok {
			env[name] = value
		}
	}
	return env
}

// shownPath spells the file's name so that it cannot garble a message.
func shownPath(path string) string {
	if path == "" {
		return DefaultPath
	}
	if plainText(path) != "" {
		return fmt.Sprintf("%q", path)
	}
	return path
}

// loader is the state of one Load.
type loader struct {
	src      *source
	env      map[string]string
	config   Config
	origins  Origins
	at       map[string]*yaml.Node // where keys of the file stand
	problems Errors
	untold   int // problems found after maxProblems
	warnings []string
	aliases  int // seen so far
}

// maxProblems bounds how many problems are told: nobody reads more, and a large
// file may be wrong in every line.
const maxProblems = 200

// tell notes a problem of the node n.
func (l *loader) tell(n *yaml.Node, p path, message, suggestion string) {
	l.tellAt(position{n.Line, n.Column}, p.key, message, suggestion)
}

// tellAt notes a problem at a position of the file.
func (l *loader) tellAt(at position, key, message, suggestion string) {
	l.add(Problem{
		File: l.src.name, Line: at.line, Column: at.column,
		Key: key, Message: message, Suggestion: suggestion,
	})
}

// add notes a problem.
func (l *loader) add(p Problem) {
	if len(l.problems) >= maxProblems {
		l.untold++
		return
	}
	l.problems = append(l.problems, p)
}

// complain notes a problem of the effective value of key, wherever it came
// from. What is already known to be wrong is not told again.
func (l *loader) complain(key, message, suggestion string) {
	if l.problems.anyUnder(key) || l.problems.anyAbove(key) {
		return
	}
	l.add(l.placed(Problem{Key: key, Message: message, Suggestion: suggestion}))
}

// placed finds where the value of the problem's key came from: for a default,
// the nearest key above it in the file.
func (l *loader) placed(p Problem) Problem {
	for key := p.Key; key != ""; key = parent(key) {
		switch origin := l.origins[key]; origin.Source {
		case Environment:
			p.File = environmentPrefix + origin.Detail
			return p
		case Flag:
			p.File = flagPrefix + origin.Detail
			return p
		case File, Default:
		}
		if n, ok := l.at[key]; ok {
			p.File, p.Line, p.Column = l.src.name, n.Line, n.Column
			return p
		}
	}
	return p
}

// quote quotes the effective value of key for a message. What came out of a
// variable by ${NAME} is shown as the file has it.
func (l *loader) quote(key, value string) string {
	n, inFile := l.at[key]
	if inFile && n.Alias != nil {
		n = n.Alias
	}
	if inFile && l.origins[key].Source == File && strings.Contains(n.Value, "${") {
		value = n.Value
	}
	return strconv.Quote(value)
}

// parent cuts the last part off a dotted key.
func parent(key string) string {
	return key[:max(0, strings.LastIndexAny(key, ".["))]
}

// warn notes a warning.
func (l *loader) warn(sentence string) { l.warnings = append(l.warnings, sentence) }

// finish draws the excerpts, now that every secret is known, and removes
// secrets from all that is said.
func (l *loader) finish() Errors {
	for i := range l.problems {
		p := &l.problems[i]
		p.Key, p.Message, p.Suggestion = l.src.censor(p.Key), l.src.censor(p.Message), l.src.censor(p.Suggestion)
		if p.Line > 0 {
			p.Excerpt = l.src.excerpt(position{p.Line, p.Column})
		}
	}
	all := l.problems.sorted()
	if l.untold > 0 {
		all = append(all, Problem{Message: fmt.Sprintf("and %d more problems", l.untold)})
	}
	return all
}
