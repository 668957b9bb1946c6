package target

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// status is a process in a /proc of the test.
func status(parent, user, system, kb string) (stat, status *fstest.MapFile) {
	stat = &fstest.MapFile{Data: []byte("7 (a (b) c) S " + parent + " 7 7 0 -1 4194560 1 2 3 4 " + user + " " + system + " 9 9 20 0 1 0 1 1 1\n")}
	return stat, &fstest.MapFile{Data: []byte("Name:\tx\nVmHWM:\t 999 kB\nVmRSS:\t    " + kb + " kB\nThreads:\t1\n")}
}

func TestUsageOfATree(t *testing.T) {
	proc := fstest.MapFS{"self/stat": {}, "cpuinfo": {}}
	for pid, p := range map[string][4]string{
		"10": {"1", "150", "50", "1000"},
		"11": {"10", "1", "2", "30"},
		"12": {"11", "0", "4", "5"},
		"13": {"1", "700", "0", "7000"},
	} {
		proc[pid+"/stat"], proc[pid+"/status"] = status(p[0], p[1], p[2], p[3])
	}
	pids := tree(proc, 10)
	if want := []int{10, 11, 12}; !slices.Equal(pids, want) {
		t.Fatalf("got %v, want %v", pids, want)
	}
	got, err := usage(proc, pids)
	if want := (Usage{CPU: 2070 * time.Millisecond, RSS: 1035 << 10}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	delete(proc, "12/stat")
	if _, err := usage(proc, pids); err == nil {
		t.Error("a process that has ended: no error")
	}
}

func TestBusy(t *testing.T) {
	proc := fstest.MapFS{"stat": {Data: []byte("cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 1000 2000 4 5 6 7000 8000\ncpu10 x 2 3 4 5 6 7 8 9 10\nintr 5\n")}}
	if got, err := Busy(proc, "0"); err != nil || got != 210*time.Millisecond {
		t.Errorf("got %v, %v", got, err)
	}
	for _, cpu := range []string{"1", "10"} {
		if got, err := Busy(proc, cpu); err == nil {
			t.Errorf("processor %q: got %v", cpu, got)
		}
	}
}

func TestBadStats(t *testing.T) {
	for _, text := range []string{"", "7 a S 1", "7 (a) S 1 2", "7 (a) S x 7 7 0 -1 4194560 1 2 3 4 5 6 9", "7 (a) S 1 7 7 0 -1 4194560 1 2 3 4 5 y 9"} {
		if got, err := parseStat([]byte(text)); err == nil {
			t.Errorf("%q: got %+v", text, got)
		}
	}
	if _, err := parseRSS([]byte("VmRSS: many kB\n")); err == nil {
		t.Error("a bad size: no error")
	}
}

func TestOwnUsage(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("left out: no /proc")
	}
	proc := os.DirFS("/proc")
	got, err := usage(proc, tree(proc, os.Getpid())[:1])
	if err != nil || got.RSS < 1<<20 || got.RSS > 1<<40 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestPeers(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`[{"name": "peer", "command": ["peer", "--port={port}"]}]`, ""},
		{`[{"name": "peer", "command": ["peer"], "colour": "red"}]`, "colour"},
		{`[{"name": "peer"}]`, "no command"},
		{`[{"command": ["peer"]}]`, "needs a name"},
		{`[{"name": "nginx", "command": ["peer"]}]`, "taken"},
		{`[{"name": "peer", "command": ["x"], "files": {"../x": ""}}]`, "outside"},
		{`[{"name": "peer", "command": ["x"], "headers": ["a: b\r\nc: d"]}]`, "line end"},
		{`{`, "unexpected"},
	} {
		name := filepath.Join(t.TempDir(), "peers.json")
		if err := os.WriteFile(name, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		peers, err := ReadPeers(name)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.text, err)
		case c.want == "":
			if got := peers[0].HeaderLines(); len(got) != 1 || got[0] != "Authorization: Bearer bench-key" || peers[0].Path != "/v1/chat/completions" {
				t.Errorf("got %+v", peers[0])
			}
		case err == nil || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: got %v, want %q", c.text, err, c.want)
		}
	}
}

func TestExampleOfPeers(t *testing.T) {
	if _, err := ReadPeers("../peers.example.json"); err != nil {
		t.Error(err)
	}
}

// A target that ends or never answers is an error that shows its log.
func TestTargetThatDoesNotStart(t *testing.T) {
	if _, err := exec.LookPath("taskset"); err != nil {
		t.Skip("left out: no taskset")
	}
	s := Spec{Name: "peer", Command: []string{"sh", "-c", "cat {dir}/sub/words; echo $WORD"}, Files: map[string]string{"sub/words": "on {listen}"}, Env: map[string]string{"WORD": "goodbye"}}
	if err := s.complete(); err != nil {
		t.Fatal(err)
	}
	_, err := s.Start(t.Context(), Setup{Dir: t.TempDir(), CPUs: "0", Procs: 1})
	if err == nil || !strings.Contains(err.Error(), "on 127.0.0.1:") || !strings.Contains(err.Error(), "goodbye") {
		t.Errorf("got %v", err)
	}
}

func TestPlaceholders(t *testing.T) {
	s := Setup{Scheme: "https", Upstream: "127.0.0.1:9", CA: "/ca", Dir: "/d", Procs: 2}
	got := s.place(80).Replace("{listen} {port} {upstream} {scheme} {address} {ca} {dir} {procs} {key}")
	if want := "127.0.0.1:80 80 https://127.0.0.1:9 https 127.0.0.1:9 /ca /d 2 {key}"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBuiltIns(t *testing.T) {
	keys := Keys(3)
	for _, s := range []Spec{NewDirect(keys), Nginx("nginx", keys), Fairlead("fairlead", keys)} {
		if len(s.HeaderLines()) != 3 || s.HeaderLines()[1] != "Authorization: Bearer "+keys[1] {
			t.Errorf("%s: got headers %q", s.Name, s.HeaderLines())
		}
		for name, text := range s.Files {
			if !strings.Contains(text, keys[2]) || strings.Contains(text, "{apps}") || strings.Contains(text, "{allowed}") {
				t.Errorf("%s: %s is not complete", s.Name, name)
			}
		}
	}
}
