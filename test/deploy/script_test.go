package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const script = "../../deploy/run_production.sh"

// runScript runs it with a program that stands in for Fairlead: it tells its arguments,
// its limit of open files and the environment that it was given.
func runScript(t *testing.T, config string, environ ...string) (output string, code int) {
	t.Helper()
	dir := t.TempDir()
	stand := filepath.Join(dir, "fairlead")
	text := "#!/bin/sh\nif [ \"$1\" = config ]; then cat \"$STAND_CONFIG\"; exit; fi\necho \"runs: $* files: $(ulimit -S -n) strict: ${FAIRLEAD_STRICT:-none} config: ${FAIRLEAD_CONFIG:-none}\"\n"
	if err := os.WriteFile(stand, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	settings := filepath.Join(dir, "settings")
	if config != "" {
		if err := os.WriteFile(settings, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "sh", script, "--log", "x")
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "FAIRLEAD_BIN=" + stand, "STAND_CONFIG=" + settings, "FAIRLEAD_CONFIG=a.yaml"}, environ...)
	out, err := cmd.CombinedOutput()
	if _, ended := err.(*exec.ExitError); err != nil && !ended { //nolint:errorlint // exec's own
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

const settings = "server:\n  max_connections: 100 # default\nchat:\n  websocket:\n    concurrency:\n      max_connections: 7\n      server:\n        backlog: 64 # default\n"

func TestScript(t *testing.T) {
	large := strings.Replace(settings, "100", "900000", 1)
	long := strings.Replace(settings, "64", "65535", 1)
	for name, c := range map[string]struct {
		config  string
		environ []string
		want    string
		code    int
	}{
		"all is well":        {settings, []string{"FAIRLEAD_NOFILE=1200"}, "runs: serve --log x files: 1200 strict: none config: a.yaml\n", 0},
		"too few files":      {large, []string{"FAIRLEAD_NOFILE=1200"}, "warning: server.max_connections is 900000, and only 1200 files may be open", 0},
		"strict":             {large, []string{"FAIRLEAD_NOFILE=1200", "FAIRLEAD_STRICT=1"}, "server.max_connections is 900000", 2},
		"short queue":        {long, nil, "warning: the backlog of 65535 connections is cut to net.core.somaxconn", 0},
		"odd strictness":     {settings, []string{"FAIRLEAD_STRICT=yes"}, "FAIRLEAD_STRICT is neither 0 nor 1", 2},
		"odd files":          {settings, []string{"FAIRLEAD_NOFILE=many"}, "FAIRLEAD_NOFILE is not a whole number above 0", 2},
		"no files":           {settings, []string{"FAIRLEAD_NOFILE=0"}, "FAIRLEAD_NOFILE is not a whole number above 0", 2},
		"too many files":     {settings, []string{"FAIRLEAD_NOFILE=99999999999"}, "cannot raise the limit of open files to 99999999999", 2},
		"bad configuration":  {"", nil, "the configuration has mistakes, or cannot be read", 2},
		"no program":         {settings, []string{"FAIRLEAD_BIN=/nowhere/fairlead"}, "there is no program to run", 2},
		"nothing to compare": {"server: {}\n", []string{"FAIRLEAD_NOFILE=64"}, "runs: serve --log x files: 64", 0},
	} {
		t.Run(name, func(t *testing.T) {
			out, code := runScript(t, c.config, c.environ...)
			if code != c.code || !strings.Contains(out, c.want) {
				t.Errorf("code %d, %q; want %d and %q", code, out, c.code, c.want)
			}
			if runs := strings.Contains(out, "runs: serve"); runs != (c.code == 0) {
				t.Errorf("the service was started: %t", runs)
			}
		})
	}
}

// TestUnitNamesWhatIsThere: the unit runs the script, and gives an instance its files
// and its time to stop.
func TestUnitNamesWhatIsThere(t *testing.T) {
	unit, err := os.ReadFile("../../deploy/fairlead.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ExecStart=/usr/local/bin/fairlead-run\n", "LimitNOFILE=65536\n", "NoNewPrivileges=yes\n", "ProtectSystem=strict\n", "TimeoutStopSec=60\n"} {
		if !strings.Contains(string(unit), want) {
			t.Errorf("the unit lacks %s", want)
		}
	}
	if analyze, err := exec.LookPath("systemd-analyze"); err == nil {
		if out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", "../../deploy/fairlead.service").CombinedOutput(); err != nil &&
			!strings.Contains(string(out), "is not executable") { // the program is not installed here
			t.Errorf("%v: %s", err, out)
		}
	}
}
