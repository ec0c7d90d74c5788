package link

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
)

// enter has count connections come from an address and returns those that may stay, and why the last may not.
func enter(d *doorway, o *transport.Options, address string, count int) (visits []*Visit, refused transport.Refusal) {
	for range count {
		v, err := d.enter(shareOf(netip.MustParseAddr(address)), o)
		if err != nil {
			refused = transport.OwnReasonOf(err)
			continue
		}
		visits = append(visits, v)
	}
	return visits, refused
}

func TestOneAddressHasItsShareOfGreetings(t *testing.T) {
	o := &transport.Options{GreetingsMax: 8, GreetingsPerAddressMax: 4, ConnectionsPerAddressMax: 5}
	d := &doorway{}
	visits, refused := enter(d, o, "192.0.2.1", 10)
	if len(visits) != 4 || refused != transport.RefusedAddressCrowd {
		t.Fatalf("%d stay, %v; want 4, %v", len(visits), refused, transport.RefusedAddressCrowd)
	}
	if other, _ := enter(d, o, "192.0.2.2", 1); len(other) != 1 {
		t.Error("another address was refused")
	}
	visits[0].Greeted()
	visits[0].Greeted() // counts once
	more, refused := enter(d, o, "192.0.2.1", 1)
	if len(more) != 1 || refused != transport.RefusedNone {
		t.Errorf("after one was greeted %d more stay, %v", len(more), refused)
	}
	more[0].Greeted()
	if more, refused := enter(d, o, "192.0.2.1", 1); len(more) != 0 || refused != transport.RefusedAddressCrowd {
		t.Errorf("with 5 connections %d more stay, %v", len(more), refused)
	}
	for _, v := range append(visits, more...) {
		v.Leave()
		v.Leave() // counts once
	}
	if greetings, most := d.count(); greetings != 1 || most != 5 {
		t.Errorf("%d greetings, at most %d; want 1 and 5", greetings, most)
	}
	if len(d.visitors) != 1 {
		t.Errorf("remembers %v, want the one address that is connected", d.visitors)
	}
}

func TestStrangersLeaveRoomForPeers(t *testing.T) {
	o := &transport.Options{GreetingsMax: 8, GreetingsPerAddressMax: 4, ConnectionsPerAddressMax: 100}
	d := &doorway{}
	d.expect(map[raft.NodeID]string{1: "192.0.2.1:7000", 2: "example.org:7000", 3: "[2001:db8::1]:7000"})
	known, _ := enter(d, o, "192.0.2.9", 1)
	known[0].Greeted()
	stay := 0
	for i := range 100 {
		visits, _ := enter(d, o, fmt.Sprintf("198.51.100.%d", i), 1)
		stay += len(visits)
	}
	if stay != 6 {
		t.Errorf("%d strangers stay, want 6 of 8", stay)
	}
	for _, address := range []string{"192.0.2.1", "192.0.2.9"} {
		if visits, refused := enter(d, o, address, 1); len(visits) != 1 {
			t.Errorf("%s, where a peer is: %v", address, refused)
		}
	}
	if visits, refused := enter(d, o, "2001:db8::2", 1); len(visits) != 0 || refused != transport.RefusedCrowd {
		t.Errorf("the ninth greeting: %d stay, %v", len(visits), refused)
	}
}

func TestAddressesThatShare(t *testing.T) {
	for remote, want := range map[net.Addr]string{
		&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5}:                  "192.0.2.1",
		&net.UDPAddr{IP: net.ParseIP("::ffff:192.0.2.1")}:                  "192.0.2.1",
		&net.TCPAddr{IP: net.ParseIP("2001:db8:1:2:3:4:5:6")}:              "2001:db8:1:2::",
		&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}:             "fe80::",
		&net.UnixAddr{Name: "somewhere"}:                                   "invalid IP",
		&net.UDPAddr{IP: net.ParseIP("2001:db8:1:2:ffff::1"), Port: 65535}: "2001:db8:1:2::",
	} {
		if got := addressOf(remote).String(); got != want {
			t.Errorf("%v counts as %s, want %s", remote, got, want)
		}
	}
}
