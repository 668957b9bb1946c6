package config

import (
	"errors"
	"fmt"
	"os"

	"github.com/fairleadhq/fairlead/internal/config/address"
	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// validate judges the effective values, whatever they came from.
func (l *loader) validate() {
	l.validateServer()
	l.validateLimits()
	l.validateShadow()
	l.validateChat()
	l.validateDocuments()
	l.validateAlerts()
	l.validateApps()
	l.validateShares()
	l.validateModels()
	l.validateFallbacks()
	for i := range l.config.LLM.Providers {
		l.validateProvider(&l.config.LLM.Providers[i])
	}
}

func (l *loader) validateServer() {
	server := &l.config.Server
	if server.DataDir == "" {
		l.Complain("server.data_dir", "must name a directory", "")
	}
	if complaint := address.OfListener(server.Listen, l.Quote("server.listen", server.Listen)); complaint != "" {
		l.Complain("server.listen", complaint, "write host:port, such as 127.0.0.1:8080")
	} else if address.IsPublic(server.Listen) {
		l.validatePublic()
	}
	l.validateTLS()
	// A body for which there is never room could never come in.
	if room := server.BodyRoom(); room > 0 && server.MaxBody > room {
		l.Complain("server.max_body", fmt.Sprintf("%s is more than a quarter of server.memory_limit (%s)",
			server.MaxBody, server.MemoryLimit), "")
	}
	if server.MemoryLimit > 0 && server.MemoryLimit < leastMemory {
		l.Complain("server.memory_limit", fmt.Sprintf("%s is less than the service itself needs (%s)",
			server.MemoryLimit, strictyaml.Size(leastMemory)), "")
	}
}

// validatePublic holds an address that others can reach to what keeps them out.
func (l *loader) validatePublic() {
	server := &l.config.Server
	reachable := l.Quote("server.listen", server.Listen) + " can be reached from other machines, and "
	secured := server.TLS.CertFile != "" || server.TLS.KeyFile != "" || server.InsecurePublic ||
		l.Wrong("server.tls") || l.Wrong("server.insecure_public")
	if !secured {
		l.Complain("server.listen", reachable+"there is no TLS",
			"set server.tls, or server.insecure_public: true if something in front does TLS")
	}
	if len(l.config.Apps) == 0 && !l.Wrong("apps") {
		l.Add(l.Placed(strictyaml.Problem{
			Key:        "server.listen",
			Message:    reachable + "no apps are configured",
			Suggestion: "name them under apps, with keys there or made by fairlead keys create",
		}))
	}
}

func (l *loader) validateTLS() {
	tls := &l.config.Server.TLS
	switch {
	case tls.CertFile != "" && tls.KeyFile == "":
		l.Complain("server.tls.cert_file", "needs server.tls.key_file beside it", "")
	case tls.CertFile == "" && tls.KeyFile != "":
		l.Complain("server.tls.key_file", "needs server.tls.cert_file beside it", "")
	}
	if tls.CertFile != "" {
		l.validateReadable("server.tls.cert_file", tls.CertFile)
	}
	if tls.KeyFile != "" {
		l.validateReadable("server.tls.key_file", tls.KeyFile)
	}
}

// validateReadable sees whether a file is there and may be read.
func (l *loader) validateReadable(key, name string) {
	if err := openable(name); err != nil {
		l.Complain(key, fmt.Sprintf("%s cannot be read: %v", l.Quote(key, name), err), "")
	}
}

// openable opens a file and closes it again.
func openable(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return reason(err)
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file")
	}
	file, err := os.Open(name)
	if err != nil {
		return reason(err)
	}
	return file.Close()
}

// NeedsKeys reports whether the service listens where other machines can reach
// it while no app has a key in the configuration. Then it may only start if the
// key store holds a key that works; Load cannot know that.
func (l *Loaded) NeedsKeys() bool {
	if !address.IsPublic(l.Config.Server.Listen) {
		return false
	}
	for _, app := range l.Config.Apps {
		if len(app.Keys) > 0 {
			return false
		}
	}
	return true
}
