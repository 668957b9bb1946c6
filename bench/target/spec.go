package target

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Spec says how to start a target and how to call it. In Command, Env, Files and
// Headers these are replaced:
//
//	{listen}    host:port to listen on     {port}    the port alone
//	{upstream}  http://127.0.0.1:PORT, or https://… with an upstream over TLS
//	{scheme}    http or https              {address} the upstream's host:port
//	{ca}        file of the upstream's certificate, PEM
//	{dir}       the target's own directory, where its Files are
//	{procs}     how many processors it has
type Spec struct {
	Name    string   `json:"name"`
	Command []string `json:"command"`
	// Env is added to a PATH, a HOME in {dir}, GOMAXPROCS and SSL_CERT_FILE.
	Env map[string]string `json:"env"`
	// Files are written to {dir} before the start, by name.
	Files map[string]string `json:"files"`
	// Path is called; Headers are sent with it, with {key} for each of Keys in
	// turn. Model is the request's.
	Path    string   `json:"path"`
	Headers []string `json:"headers"`
	Keys    []string `json:"keys"`
	Model   string   `json:"model"`
}

// HeaderLines are what each of its apps sends, one text for each key.
func (s *Spec) HeaderLines() (all []string) {
	for _, key := range s.Keys {
		all = append(all, strings.ReplaceAll(strings.Join(s.Headers, "\r\n"), "{key}", key))
	}
	return all
}

// complete fills in what a peer's entry may leave out, and judges it.
func (s *Spec) complete() error {
	if s.Path == "" {
		s.Path = "/v1/chat/completions"
	}
	if len(s.Headers) == 0 {
		s.Headers = []string{"Authorization: Bearer {key}"}
	}
	if len(s.Keys) == 0 {
		s.Keys = []string{"bench-key"}
	}
	if s.Model == "" {
		s.Model = "bench"
	}
	switch {
	case s.Name == "" || strings.ContainsAny(s.Name, "/|"):
		return errors.New("every target needs a name without / and |")
	case len(s.Command) == 0:
		return fmt.Errorf("%s has no command", s.Name)
	case strings.ContainsAny(strings.Join(s.Headers, "")+s.Path, "\r\n"):
		return fmt.Errorf("%s has a line end in a header or its path", s.Name)
	}
	for name := range s.Files {
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%s has a file outside its directory: %s", s.Name, name)
		}
	}
	return nil
}

// ReadPeers reads a list of Specs from a JSON file.
func ReadPeers(name string) ([]Spec, error) {
	file, err := os.Open(name) //nolint:gosec // G304: whoever runs it names it
	if err != nil {
		return nil, fmt.Errorf("read the peers: %w", err)
	}
	defer file.Close()
	var peers []Spec
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&peers); err != nil {
		return nil, fmt.Errorf("read the peers in %s: %w", name, err)
	}
	seen := []string{Direct, NginxName, FairleadName}
	for i := range peers {
		if err := peers[i].complete(); err != nil {
			return nil, fmt.Errorf("read the peers in %s: %w", name, err)
		}
		if slices.Contains(seen, peers[i].Name) {
			return nil, fmt.Errorf("read the peers in %s: the name %s is taken", name, peers[i].Name)
		}
		seen = append(seen, peers[i].Name)
	}
	return peers, nil
}

// place is what the placeholders of a start stand for.
func (s Setup) place(port int) *strings.Replacer {
	return strings.NewReplacer(
		"{listen}", fmt.Sprintf("127.0.0.1:%d", port), "{port}", strconv.Itoa(port),
		"{upstream}", s.Scheme+"://"+s.Upstream, "{scheme}", s.Scheme, "{address}", s.Upstream,
		"{ca}", s.CA, "{dir}", s.Dir, "{procs}", strconv.Itoa(s.Procs),
	)
}
