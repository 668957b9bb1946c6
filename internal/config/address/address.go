// Package address judges the addresses that a configuration names: of services to
// call, and to listen on. It looks at how they are written and resolves no name.
//
// Start with OfURL. A complaint says what is wrong, and never repeats the
// address where that may hold a password.
package address

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/fairleadhq/fairlead/internal/reach"
)

// OfURL says what is wrong with the address of a service to call, without
// repeating it; "" if nothing is.
func OfURL(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		return "is not an http or https URL"
	case u.User != nil:
		return "must not hold a user or a password"
	case !isHost(u.Hostname()) || !isPort(u.Port()):
		return "has no valid host and port"
	case isNeverCalled(u.Hostname()):
		return "names an address that is never called: a link-local one, a metadata service's, or none of any host"
	}
	return ""
}

// isNeverCalled reports whether a connection to host would be refused whoever asks
// for it, or host is the name under which a cloud hands out its machines'
// credentials.
func isNeverCalled(host string) bool {
	if _, err := reach.Of(host); err != nil {
		return true
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	return name == "metadata" || name == "metadata.google.internal"
}

func isHost(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || isHostName(host)
}

// isHostName reports whether host is a name of the domain system, and not one
// of the odd ways to write an IPv4 address (0x7f.1, 2130706433).
func isHostName(host string) bool {
	const longestHost = 253
	if len(host) > longestHost || !regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?\.)*[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?\.?$`).MatchString(host) {
		return false
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	return !regexp.MustCompile(`^(0[xX][0-9A-Fa-f]*|[0-9]+)$`).MatchString(labels[len(labels)-1])
}

// OfOrigin says what is wrong with the origin of web pages, in whose host *. may
// stand for any names in front; "" if nothing is. A * alone is every origin.
func OfOrigin(origin string) string {
	if origin == "*" {
		return ""
	}
	scheme, rest, _ := strings.Cut(origin, "://")
	u, err := url.Parse(scheme + "://" + strings.TrimPrefix(rest, "*."))
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https":
		return "is not an http or https origin"
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.ContainsAny(origin, "?#"):
		return "has more than a scheme, a host and a port"
	case !isHost(u.Hostname()) || !isPort(u.Port()) || strings.HasSuffix(u.Host, ":"):
		return "has no valid host and port"
	}
	return ""
}

const highestPort = 65535

func isPort(port string) bool {
	n, err := strconv.Atoi(port)
	return port == "" || (err == nil && n > 0 && n <= highestPort)
}

// OfListener says what is wrong with a listen address, which the complaint
// shows as quoted; "" if nothing is.
func OfListener(address, quoted string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return quoted + " is not an address"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > highestPort || strconv.Itoa(n) != port {
		return fmt.Sprintf("%s has no port between 0 and %d", quoted, highestPort)
	}
	if _, err := netip.ParseAddr(host); host != "" && err != nil && !isHostName(host) {
		return quoted + " has no host name or address"
	}
	return ""
}

// IsPublic reports whether other machines may reach a listen address: every
// one that is not certainly loopback.
func IsPublic(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return true
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host != "localhost"
	}
	return !addr.Unmap().IsLoopback()
}

// Ollama makes a base URL of OLLAMA_HOST, which is a URL, or host:port with
// either left out. The address that means "listen everywhere" becomes loopback.
func Ollama(host string) string {
	const port = "11434"
	scheme, rest, hasScheme := strings.Cut(host, "://")
	if !hasScheme {
		scheme, rest = "http", host
	}
	authority, path, _ := strings.Cut(rest, "/")
	name, number, err := net.SplitHostPort(authority)
	switch {
	case err == nil:
	case hasScheme:
		name, number = strings.Trim(authority, "[]"), ""
	default:
		name, number = strings.Trim(authority, "[]"), port
	}
	if addr, err := netip.ParseAddr(name); name == "" || (err == nil && addr.IsUnspecified()) {
		name = "127.0.0.1"
	}
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if number != "" {
		name += ":" + number
	}
	if path == "" {
		path = "v1"
	}
	return scheme + "://" + name + "/" + path
}
