package link

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

// doorway bounds the accepted connections: those of one address, and those that are not greeted yet.
//
// A quarter of the greetings is kept for addresses where a peer is: one of SetPeers that is named by its IP address, or
// one that is connected. Strangers cannot hold it, however many addresses they have.
type doorway struct {
	// hosts are the IP addresses among those of SetPeers; replaced, never changed.
	hosts atomic.Pointer[map[netip.Addr]bool]

	mu              sync.Mutex // the last to be locked
	greetings, most int
	visitors        map[netip.Addr]visitors
}

// visitors are the connections of one address. There are entries only for those that have any.
type visitors struct{ connections, greetings int }

// Visit is one accepted connection, greeted or not. Its methods are called by one goroutine at a time.
type Visit struct {
	door    *doorway
	address netip.Addr
	greeted bool
	left    bool
}

// Enter counts an accepted connection, or refuses it (RefusedCrowd, RefusedAddressCrowd). The caller calls Leave when
// it ended.
func (n *Node) Enter(remote net.Addr) (*Visit, error) {
	return n.door.enter(addressOf(remote), &n.options)
}

func (d *doorway) enter(address netip.Addr, o *transport.Options) (*Visit, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.visitors[address]
	switch {
	case v.connections >= o.ConnectionsPerAddressMax:
		return nil, transport.Refused(transport.RefusedAddressCrowd, "%d connections", v.connections)
	case v.greetings >= o.GreetingsPerAddressMax:
		return nil, transport.Refused(transport.RefusedAddressCrowd, "%d greetings under way", v.greetings)
	case d.greetings >= o.GreetingsMax,
		d.greetings >= strangersMax(o) && v.connections == v.greetings && !d.expects(address):
		return nil, transport.Refused(transport.RefusedCrowd, "%d greetings under way", d.greetings)
	}
	if d.visitors == nil {
		d.visitors = map[netip.Addr]visitors{}
	}
	d.visitors[address] = visitors{v.connections + 1, v.greetings + 1}
	d.greetings++
	d.most = max(d.most, d.greetings)
	return &Visit{door: d, address: address}, nil
}

// strangersMax is how many greetings there may be when the next is of an address where no peer is known.
func strangersMax(o *transport.Options) int { return o.GreetingsMax - o.GreetingsMax/4 }

// expects reports whether a peer of SetPeers is at that address.
func (d *doorway) expects(address netip.Addr) bool {
	hosts := d.hosts.Load()
	return hosts != nil && (*hosts)[address]
}

// expect replaces the addresses of SetPeers, of which only IP addresses count.
func (d *doorway) expect(addresses map[raft.NodeID]string) {
	hosts := make(map[netip.Addr]bool, len(addresses))
	for _, address := range addresses {
		if a, err := netip.ParseAddrPort(address); err == nil {
			hosts[shareOf(a.Addr())] = true
		}
	}
	d.hosts.Store(&hosts)
}

// Greeted says that the greeting ended well.
func (v *Visit) Greeted() {
	if v.greeted || v.left {
		return
	}
	v.greeted = true
	v.door.change(v.address, 0, -1)
}

// Leave says that the connection ended.
func (v *Visit) Leave() {
	if v.left {
		return
	}
	v.Greeted()
	v.left = true
	v.door.change(v.address, -1, 0)
}

func (d *doorway) change(address netip.Addr, connections, greetings int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.greetings += greetings
	v := d.visitors[address]
	v.connections += connections
	v.greetings += greetings
	if v == (visitors{}) {
		delete(d.visitors, address)
	} else {
		d.visitors[address] = v
	}
}

func (d *doorway) count() (greetings, most int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.greetings, d.most
}

// addressOf returns the IP address of a remote end, as it counts, or the zero value of one that has none.
func addressOf(remote net.Addr) netip.Addr {
	switch remote := remote.(type) {
	case *net.TCPAddr:
		return shareOf(remote.AddrPort().Addr())
	case *net.UDPAddr:
		return shareOf(remote.AddrPort().Addr())
	default:
		return netip.Addr{}
	}
}

// shareOf returns the address that counts in the place of another: of IPv6 a network of 64 bits, which whoever has one
// address of it has as a whole.
func shareOf(address netip.Addr) netip.Addr {
	address = address.Unmap().WithZone("")
	if address.Is6() {
		if prefix, err := address.Prefix(64); err == nil {
			return prefix.Addr()
		}
	}
	return address
}
