package main

import (
	"os"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/fairleadhq/fairlead/internal/documents/search/indexer"
	"github.com/fairleadhq/fairlead/internal/extract/worker"
)

// patience is the deadline of every wait in a story. It is long because it is
// only ever used up by a story that fails.
const patience = 20 * time.Second

// together is how long all stories may take, so that a program which should
// have refused to start does not run for ever.
const together = 3 * time.Minute

// TestMain makes the test binary the program itself when it is run as
// `fairlead`, so that the stories tell of real processes; and when it is run by itself,
// under whatever name, to read or to index a document.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == worker.Command || os.Args[1] == indexer.Command) {
		main()
		return
	}
	testscript.Main(m, map[string]func(){"fairlead": main})
}

// TestStories tells the stories in testdata/script: each is a promise to users,
// kept by the real program. Beside testscript's own commands they have these.
//
// Processes:
//
//	serve [-as NAME] [VAR=VALUE…] [ARG…]
//	    starts `fairlead serve --listen 127.0.0.1:0 ARG…` and waits until it
//	    listens. Sets URL and ADDR, and ADMIN and KEY if it prints them. The
//	    process is called NAME, or service. It has no variables but those given.
//	mock [-as NAME] [ARG…]
//	    does the same with `fairlead mock` and sets MOCK, or NAME in capitals,
//	    to its base URL, which ends in /v1, and MOCK_ROOT to what is before that.
//	output NAME    shows all that the process has written so far
//	term NAME      sends SIGTERM, waits for exit code 0 and shows the output
//	sigterm NAME   sends SIGTERM and goes on
//	ended NAME     waits for exit code 0 and shows the output
//	killed NAME    sends SIGTERM again until that has killed it (the program takes
//	    a moment to let go of the signal), and shows the output
//	exit CODE PROGRAM [ARG…]
//	    is exec for a program that must end with that exit code
//
// HTTP (see http_test.go for the flags):
//
//	http [FLAG…] METHOD URL
//	    shows the body as stdout, and as stderr the status line, the headers,
//	    sorted and in small letters, and "broken: …" if the body broke off
//	hook           starts a webhook and sets HOOK to its address
//	notice N       waits for the Nth message that the webhook is posted, and shows
//	    it, for json to look at
//	finish NAME    waits for a request in the background and shows its answer
//	abandon NAME   leaves a request in the background, as a client that closes
//	status CODE    the status of the last answer
//	frame N|last   takes the data of one frame of the last body for json
//	said TEXT      the contents of the last stream's chunks, or texts of its deltas, put together
//	json PATH [WANT|~PATTERN|-as VAR]
//	    looks at the last body: PATH is error.code or data.0.id; WANT is a
//	    string's text or else JSON. Without more the value must be there; with
//	    ! it must not.
//	keys PATH NAME…  the names in the object at PATH, which may be ".", are these
//
// WebSockets:
//
//	ws open [FLAG…] NAME URL     opens one; the flags are -k KEY, -H NAME:VALUE and -p
//	                             SUBPROTOCOL, those of http
//	ws say NAME FRAME            sends a frame of text
//	ws hear NAME RE              reads frames as far as one that matches, which json then
//	                             looks at
//	ws ends NAME CODE RE         reads on to the end, which has that code and reason
//	ws drop NAME                 ends the connection without a word
//
// Files:
//
//	perm MODE FILE…      the files (patterns) have that mode
//	[!] holds TEXT PATH… a file at or under the paths holds the text
//	certificate CERT KEY makes a certificate for 127.0.0.1 in two files
//	picture FILE         makes a picture
//	field NAME FILE VAR  sets VAR to the rest of the line "NAME: …" in the file
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Deadline:            time.Now().Add(together),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUpStory,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": told(cmdServe), "mock": told(cmdMock),
			"term": told(cmdTerm), "sigterm": told(cmdSigterm), "ended": told(cmdEnded),
			"killed": told(cmdKilled), "output": told(cmdOutput),
			"exit": told(cmdExit),
			"http": told(cmdHTTP), "finish": told(cmdFinish), "abandon": told(cmdAbandon), "status": told(cmdStatus),
			"ws":   told(cmdSocket),
			"hook": told(cmdHook), "notice": told(cmdNotice),
			"frame": told(cmdFrame), "said": told(cmdSaid), "json": cmdJSON, "keys": told(cmdKeys),
			"perm": told(cmdPerm), "holds": cmdHolds, "certificate": told(cmdCertificate), "picture": told(cmdPicture), "field": told(cmdField),
		},
	})
}

// told is a command that can't be negated.
func told(cmd func(*testscript.TestScript, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("this command can't be negated")
		}
		cmd(ts, args)
	}
}

// story is what the commands of one story share.
type story struct {
	environ   []string // of every process that is started
	processes map[string]*process
	client    *client
	sockets   map[string]*websocket.Conn
	hook      *hook // nil if there is none
	last      *answer
	// document is what json looks at: the last body, or a frame of it.
	document []byte
	// canaries are the keys and prompts that were sent: no process may ever
	// have written one to its log.
	canaries map[string]bool
}

type storyKey struct{}

func storyOf(ts *testscript.TestScript) *story {
	s, ok := ts.Value(storyKey{}).(*story)
	if !ok {
		ts.Fatalf("the story was not set up")
	}
	return s
}

func setUpStory(env *testscript.Env) error {
	if os.Getenv("GORACE") == "" {
		// A program under the race detector otherwise takes a second to end.
		env.Setenv("GORACE", "atexit_sleep_ms=10")
	}
	s := &story{environ: env.Vars, processes: make(map[string]*process), client: newClient(), sockets: make(map[string]*websocket.Conn), canaries: make(map[string]bool)}
	env.Values[storyKey{}] = s
	env.Defer(func() {
		s.client.close()
		s.hook.close()
		for _, p := range s.processes {
			p.kill()
			if canary := s.canaryIn(p.err.String()); canary != "" {
				env.T().Fatal("the log of", p.name, "holds", canary, "which was sent in confidence")
			}
		}
	})
	return nil
}

// need returns the arguments if there are that many, and fails the story else.
func need(ts *testscript.TestScript, usage string, args []string, least, most int) []string {
	if len(args) < least || len(args) > most {
		ts.Fatalf("usage: %s", usage)
	}
	return args
}
