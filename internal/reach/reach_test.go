package reach

import (
	"errors"
	"net/netip"
	"testing"
)

func TestReachOfHosts(t *testing.T) {
	for host, want := range map[string]Reach{
		"api.openai.com": publicOnly, "llm.corp.example": publicOnly, "localhost.example.com": publicOnly,
		"evil.localdomain": publicOnly, "internal.example.com": publicOnly,
		"localhost": nearToo, "LOCALHOST.": nearToo, "ollama": nearToo, "box.local": nearToo, "llm.svc.cluster.local": nearToo,
		"host.docker.internal": nearToo, "nas.lan": nearToo, "gpu.home.arpa": nearToo, "x.localhost": nearToo,
		"127.0.0.1": nearToo, "::1": nearToo, "10.1.2.3": nearToo, "8.8.8.8": nearToo,
	} {
		if got, err := Of(host); err != nil || got != want {
			t.Errorf("Of(%q) = %v, %v; want %v", host, got, err, want)
		}
	}
	for _, host := range []string{"169.254.169.254", "0.0.0.0", "::", "fe80::1", "fd00:ec2::254", "::ffff:169.254.169.254", "224.0.0.1"} {
		if _, err := Of(host); !errors.Is(err, ErrRefused) {
			t.Errorf("Of(%q): got %v, want a refusal", host, err)
		}
	}
}

func TestAddressesThatAreDialled(t *testing.T) {
	const never, near, all = "never", "near", "all"
	for raw, who := range map[string]string{
		"169.254.169.254": never, "169.254.0.1": never, "fe80::1": never, "fe80::1%eth0": never, "febf::1": never,
		"100.100.100.200": never, "fd00:ec2::254": never, "fd20:ce::254": never, "168.63.129.16": never,
		"224.0.0.1": never, "ff02::1": never, "0.0.0.0": never, "0.1.2.3": never, "::": never, "255.255.255.255": never,
		"::ffff:169.254.169.254": never, "::ffff:0.0.0.0": never, "64:ff9b::a9fe:a9fe": never,
		"127.0.0.1": near, "127.8.8.8": near, "::1": near, "10.0.0.1": near, "172.16.0.1": near, "172.31.255.255": near,
		"192.168.1.1": near, "fc00::1": near, "fd12::1": near, "::ffff:127.0.0.1": near, "::ffff:10.0.0.1": near, "64:ff9b::7f00:1": near,
		"8.8.8.8": all, "172.32.0.1": all, "100.100.100.201": all, "2606:4700::1111": all, "64:ff9b::808:808": all,
	} {
		addr := netip.MustParseAddr(raw)
		if got, want := publicOnly.check(addr) == nil, who == all; got != want {
			t.Errorf("a public name may be at %s: %v, want %v", raw, got, want)
		}
		if got, want := nearToo.check(addr) == nil, who != never; got != want {
			t.Errorf("a near name may be at %s: %v, want %v", raw, got, want)
		}
	}
}
