// Package reach says which addresses a configured host may turn out to have, so
// that a service that calls where it is told to can't be led into its own
// machine's network, nor to a cloud's metadata service, by an answer of the DNS.
//
// Start with Of; the Control of what it returns is for a net.Dialer.
package reach

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
)

// Reach says which addresses may be dialled for a host.
type Reach uint8

const (
	// publicOnly: the host looks like a name of the public internet, so
	// an answer of the DNS that points into this machine or its network is a
	// trick (DNS rebinding).
	publicOnly Reach = iota
	// nearToo: the configuration names a host that is plainly of this machine
	// or its network.
	nearToo
)

// ErrRefused is wrapped by every refusal to dial an address.
var ErrRefused = errors.New("address refused")

// Of tells the reach of a configured host.
//
// Loopback and private addresses (127.0.0.0/8, ::1, 10.0.0.0/8,
// 172.16.0.0/12, 192.168.0.0/16, fc00::/7) may be dialled when the host is
//   - an IP literal: that address is what the configuration says,
//   - a name without a dot, such as "localhost" or a container's name,
//   - a name under .localhost, .local, .internal, .lan or .home.arpa.
//
// Every other name is taken for a public one, and refused at the moment of
// dialling if it resolves to such an address. A name that is public in form
// but private in fact must be configured by its address or by a name of the
// kinds above.
//
// Whatever the host, addresses that check calls never dialled are refused; an
// IP literal of that kind is an error here already.
func Of(host string) (Reach, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return nearToo, nearToo.check(addr)
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if !strings.Contains(name, ".") {
		return nearToo, nil
	}
	for _, suffix := range []string{".localhost", ".local", ".internal", ".lan", ".home.arpa"} {
		if strings.HasSuffix(name, suffix) {
			return nearToo, nil
		}
	}
	return publicOnly, nil
}

// check reports whether addr may be dialled. Never dialled, whoever asks, are
// link-local addresses (169.254.0.0/16, fe80::/10), where clouds put the
// credentials of their machines, the clouds' other metadata addresses,
// multicast, broadcast and unspecified ones (0.0.0.0/8, ::).
func (r Reach) check(addr netip.Addr) error {
	addr = embedded(addr.WithZone("").Unmap())
	switch {
	case addr.IsLinkLocalUnicast():
		return fmt.Errorf("%w: %s is link-local", ErrRefused, addr)
	case addr.IsMulticast():
		return fmt.Errorf("%w: %s is multicast", ErrRefused, addr)
	case addr.IsUnspecified(), addr.Is4() && addr.As4()[0] == 0, addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return fmt.Errorf("%w: %s names no host", ErrRefused, addr)
	case isMetadata(addr):
		return fmt.Errorf("%w: %s is a cloud's metadata service", ErrRefused, addr)
	case r == publicOnly && (addr.IsLoopback() || addr.IsPrivate()):
		return fmt.Errorf("%w: a public host name resolves to %s", ErrRefused, addr)
	}
	return nil
}

// isMetadata reports whether addr is one that a cloud serves its machines'
// credentials on, outside the link-local range.
func isMetadata(addr netip.Addr) bool {
	switch addr.String() {
	case "fd00:ec2::254", // AWS
		"100.100.100.200", // Alibaba Cloud
		"168.63.129.16",   // Azure
		"fd20:ce::254":    // Google Cloud
		return true
	}
	return false
}

// embedded returns the IPv4 address that a NAT64 gateway would translate addr
// to (RFC 6052, 64:ff9b::/96), and any other address as it is.
func embedded(addr netip.Addr) netip.Addr {
	raw := addr.As16()
	nat64 := [12]byte{0x00, 0x64, 0xff, 0x9b}
	if addr.Is6() && [12]byte(raw[:12]) == nat64 {
		return netip.AddrFrom4([4]byte(raw[12:]))
	}
	return addr
}

// Control is a net.Dialer's ControlContext: it sees the address that is about
// to be dialled, after the name was resolved.
func (r Reach) Control(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: not an IP address and port", ErrRefused)
	}
	return r.check(at.Addr())
}
