package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairleadhq/fairlead/internal/config"
)

// settings are the flags by which a command finds its configuration.
type settings struct {
	file    string
	listen  string
	dataDir string
	set     []string
}

// bind adds the flags that every command with a configuration has.
func (s *settings) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&s.file, "config", "c", "", "configuration file (default: $FAIRLEAD_CONFIG, else ./fairlead.yaml if it is there)")
	f.StringVar(&s.dataDir, "data-dir", "", "directory of the database, as server.data_dir")
	f.StringArrayVar(&s.set, "set", nil, "set one key, as --set limits.max_queue=100 (may be given again)")
}

// load reads the configuration: flag before environment before file before
// default.
func (p *program) load(s *settings) (*config.Loaded, error) {
	flags := make(map[string]string)
	for _, text := range s.set {
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, fmt.Errorf("--set %s: it should be KEY=VALUE", text)
		}
		flags[key] = value
	}
	if s.listen != "" {
		flags["server.listen"] = s.listen
	}
	if s.dataDir != "" {
		flags["server.data_dir"] = s.dataDir
	}
	input, err := config.Read(s.file)
	if err != nil {
		return nil, unusable(err)
	}
	input.Environ, input.Flags = p.environ, flags
	loaded, err := config.Load(input)
	if err != nil {
		return nil, unusable(err)
	}
	return loaded, nil
}
