package faults_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// toxic is what Toxiproxy does to the connections of a provider that is good.
type toxic struct {
	name string
	// spec is the toxic in Toxiproxy's JSON; "" breaks all connections and takes no
	// further ones.
	spec string
	fault
}

func toxics() []toxic {
	all := []toxic{
		{"latency", `{"type":"latency","attributes":{"latency":5000}}`, fault{before: codes(silent, late), mid: codes(silent, late)}},
		{"a-little-latency", `{"type":"latency","attributes":{"latency":40,"jitter":20}}`, fault{before: codes(whole), mid: codes(whole)}},
		{"silence", `{"type":"timeout","attributes":{"timeout":0}}`, fault{before: codes(silent, late), mid: codes(silent, late)}},
		{"silence-and-end", `{"type":"timeout","attributes":{"timeout":200}}`, fault{before: codes(truncated, late), mid: codes(truncated, late)}},
		{"request-lost", `{"type":"timeout","stream":"upstream","attributes":{"timeout":0}}`, fault{before: codes(silent, late)}},
		{"request-slow", `{"type":"bandwidth","stream":"upstream","attributes":{"rate":10}}`, fault{before: codes(silent, late), prompt: 100 << 10}},
		{"reset", `{"type":"reset_peer","attributes":{"timeout":0}}`, fault{before: codes(truncated), mid: codes(truncated)}},
		{"cut", `{"type":"limit_data","attributes":{"bytes":30}}`, fault{before: codes(truncated, invalid), mid: codes(truncated)}},
		{"cut-within-body", `{"type":"limit_data","attributes":{"bytes":150}}`, fault{before: codes(truncated), only: onlyJSON}},
		{"drip", `{"type":"slicer","attributes":{"average_size":1,"size_variation":0,"delay":100000}}`, fault{before: codes(silent, late), mid: codes(late), alive: true}},
		{"down", "", fault{before: codes("provider_unreachable"), mid: codes(truncated, "provider_unreachable")}},
	}
	for i := range all {
		all[i].fault.name = all[i].name
	}
	return all
}

// moments are the toxic before the answer alone, and within it alone, as far as it
// has both.
func (x toxic) moments() (both []toxic) {
	before, mid := x, x
	before.name, before.mid = x.name+"-before", nil
	mid.name, mid.before = x.name+"-mid", nil
	for _, one := range []toxic{before, mid} {
		if len(one.before)+len(one.mid) > 0 {
			both = append(both, one)
		}
	}
	return both
}

// TestToxics is R1 with Toxiproxy: the same as TestFaults, of what happens to
// connections between the service and a provider that is good.
func TestToxics(t *testing.T) {
	b := &bed{raw: startRaw(t)}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	var upstreams []upstream
	var proxies []*toxiproxy.Proxy
	var played []toxic
	for _, x := range toxics() {
		for _, there := range x.moments() {
			for _, dialect := range dialects() {
				u := upstream{name: there.name + "-" + dialect, dialect: dialect, http: clocks()}
				good := b.raw.add(u.name, fault{play: func(x *exchange) { x.open(); x.well() }})
				proxy := newProxy(t, server, u.name, b.raw.listener.Addr().String())
				u.address = strings.Replace(good, b.raw.listener.Addr().String(), proxy.Listen, 1)
				upstreams, proxies, played = append(upstreams, u), append(proxies, proxy), append(played, there)
			}
		}
	}
	b.service = serve(t, roomy, upstreams)
	b.each(t, upstreams, func(t *testing.T, i int) {
		t.Helper()
		cells := played[i].cells(upstreams[i].name)
		poison := func() { played[i].poison(t, proxies[i]) }
		if len(played[i].mid) == 0 {
			poison()
		} else {
			together := &barrier{left: len(cells), all: make(chan struct{}), last: poison}
			for _, c := range cells {
				c.ready = together.wait
			}
		}
		b.meet(t, upstreams[i].name, cells, unseen)
	})
}

// newProxy starts a proxy before an address, until the test ends.
func newProxy(t *testing.T, server *toxiproxy.ApiServer, name, address string) *toxiproxy.Proxy {
	t.Helper()
	proxy := toxiproxy.NewProxy(server, name, "127.0.0.1:0", address)
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Stop)
	return proxy
}

// poison lets the toxic begin, for connections that are open and for others.
func (x toxic) poison(t *testing.T, proxy *toxiproxy.Proxy) {
	t.Helper()
	if x.spec == "" {
		proxy.Stop()
		return
	}
	if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(x.spec)); err != nil {
		t.Error(err)
	}
}

// barrier holds calls until all of them have come as far.
type barrier struct {
	mu   sync.Mutex
	left int
	all  chan struct{}
	// last is called when they have, before they go on.
	last func()
}

func (b *barrier) wait() {
	b.mu.Lock()
	if b.left--; b.left == 0 {
		b.last()
		close(b.all)
	}
	b.mu.Unlock()
	<-b.all
}
