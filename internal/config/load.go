package config

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
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

// Default is the source of a value that nobody has set: see Loaded.Origins.
const Default = strictyaml.Default

// Loaded is a valid configuration, with how it came about.
type Loaded struct {
	Config  Config
	Origins strictyaml.Origins
	// Warnings are sentences for the log; they hold no secret.
	Warnings []string
}

// Read reads the configuration file and takes the environment of this process
// with it. An empty path stands for FAIRLEAD_CONFIG, and without that for
// ./fairlead.yaml if it exists. It blocks on the file system. An error is of
// type strictyaml.Errors, as those of Load are.
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
		return Input{}, strictyaml.Errors{{File: in.Path, Message: "cannot be read: " + err.Error()}}
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
	data, err := io.ReadAll(io.LimitReader(file, strictyaml.MaxFileSize+1))
	if err != nil {
		return nil, reason(err)
	}
	return data, nil
}

// reason strips the path, which the problem names, from a file system's error.
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
			Listen:         "127.0.0.1:8080",
			DataDir:        "./fairlead-data",
			MemoryLimit:    2e9,
			MaxBody:        32 << 20,
			DrainTimeout:   strictyaml.Duration(30 * time.Second),
			WorkerThreads:  5,
			MaxConnections: 10_000,
			FastLane:       true,
			LogFormat:      "auto",
		},
		Limits: Limits{
			MaxConcurrentRequests: 20,
			RateLimitPerMinute:    200,
			MaxQueue:              500,
			MaxQueuePerApp:        queueShare(500),
			QueueHeartbeatAfter:   strictyaml.Duration(10 * time.Second),
			SlowReaderGrace:       strictyaml.Duration(10 * time.Second),
			TokenMode:             "estimate",
			Shadow:                []string{},
			Burst:                 Burst{RequestsPerSecond: 50, Block: strictyaml.Duration(300 * time.Second)},
			ErrorAlert:            ErrorAlert{Rate: 0.8, MinRequests: 20, Window: strictyaml.Duration(60 * time.Second)},
		},
		Timeouts: Timeouts{
			Chat:     strictyaml.Duration(120 * time.Second),
			Embed:    strictyaml.Duration(120 * time.Second),
			Upload:   strictyaml.Duration(300 * time.Second),
			Analyze:  strictyaml.Duration(180 * time.Second),
			Search:   strictyaml.Duration(120 * time.Second),
			Insights: strictyaml.Duration(240 * time.Second),
		},
		Chat: defaultChat(), Documents: defaultDocuments(),
	}
}

// newApp is an app before the file says anything about it.
func newApp() App { return App{Weight: 1, Class: "interactive"} }

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
// returns every problem at once, as strictyaml.Errors. It blocks on the file
// system only to see whether the certificate's files are there.
func Load(in Input) (*Loaded, error) {
	l := &loader{config: Defaults(), env: environment(in.Environ)}
	l.Decoder = strictyaml.NewDecoder(&l.config, strictyaml.Options{
		Name: cmp.Or(in.Path, DefaultPath), Env: l.env,
		Words: append(presetNames(), "uvicorn"), Begin: l.begin,
	})
	readable := l.Decode(in.Data)
	l.detectProviders()
	l.applyEnvironment()
	l.applyFlags(in.Flags)
	if readable {
		l.complete()
		l.validate()
	}
	warnings, err := l.Finish()
	if err != nil {
		return nil, err
	}
	return &Loaded{Config: l.config, Origins: l.Origins, Warnings: warnings}, nil
}

// loader is the state of one Load: the configuration in the making, and the
// decoder that lays the file over it and gathers what is wrong.
type loader struct {
	*strictyaml.Decoder
	config Config
	env    map[string]string
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
