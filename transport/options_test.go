package transport

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport/identity"
)

func TestDefaultsAreValidAndSurviveJSON(t *testing.T) {
	o := Options{Self: 1, Cluster: "c", Peers: map[raft.NodeID]string{2: "127.0.0.1:1"}}.WithDefaults()
	if err := o.Validate(); err != nil {
		t.Fatalf("defaults: %v", err)
	}
	if o.BackoffMax > 150*time.Millisecond {
		t.Errorf("BackoffMax = %v, want it below the least election timeout", o.BackoffMax)
	}
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var got Options
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if got = got.WithDefaults(); !reflect.DeepEqual(got, o) {
		t.Errorf("after JSON: got %+v, want %+v", got, o)
	}
}

func TestValidateNamesEveryFault(t *testing.T) {
	authority, err := identity.NewAuthority("other")
	if err != nil {
		t.Fatal(err)
	}
	id, err := authority.Issue(9)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Cluster: "not a name", QueueMessagesMax: -1, QueueBytesMax: 5, FrameBytesMax: 1 << 30, BatchBytesMax: -2,
		DialTimeout: -1, HandshakeTimeout: -1, WriteTimeout: -1, BackoffMin: -1, BackoffMax: time.Hour, Identity: id,
		Advertise: strings.Repeat("a", 2000), LearnedPeersMax: -1, LearnedIdleTimeout: -1,
		DeadPeerTimeout: time.Millisecond, BodyRateMin: -1, GreetingsMax: -1, GreetingsPerAddressMax: 2,
		ConnectionsPerAddressMax: 1, Congestion: "Not a name", AppendStreams: 99, ReceiveWindowBytes: 1,
	}
	err = o.WithDefaults().Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, field := range []string{
		"Self", "Cluster", "QueueMessagesMax", "QueueBytesMax", "FrameBytesMax", "BatchBytesMax", "DialTimeout",
		"HandshakeTimeout", "WriteTimeout", "BackoffMin", "BackoffMax", "Identity", "Advertise", "LearnedPeersMax",
		"LearnedIdleTimeout", "DeadPeerTimeout", "BodyRateMin", "GreetingsMax", "GreetingsPerAddressMax",
		"ConnectionsPerAddressMax", "Congestion", "AppendStreams", "ReceiveWindowBytes",
	} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("no fault of %s in:\n%v", field, err)
		}
	}
}

func TestClusterNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"c": true, "a-b_c.d2": true, strings.Repeat("x", 64): true,
		"": false, ".": false, "a..b": false, "a.": false, "a b": false, "a/b": false, strings.Repeat("x", 65): false,
	} {
		if err := ValidateCluster(name); (err == nil) != ok {
			t.Errorf("ValidateCluster(%q) = %v, want ok %v", name, err, ok)
		}
	}
}

func TestPlaintextIsForLoopback(t *testing.T) {
	for address, ok := range map[string]bool{
		"127.0.0.1:0": true, "127.8.9.10:1": true, "[::1]:1": true, "localhost:1": true,
		":1": false, "0.0.0.0:1": false, "10.0.0.1:1": false, "[::]:1": false, "example.org:1": false,
	} {
		err := CheckLoopback(address)
		if (err == nil) != ok || (err != nil && !errors.Is(err, ErrPlaintext)) {
			t.Errorf("CheckLoopback(%q) = %v, want ok %v", address, err, ok)
		}
	}
	if err := CheckLoopback("no port"); err == nil {
		t.Error("CheckLoopback of something else: no error")
	}
}

func TestLanes(t *testing.T) {
	for kind := raft.MsgPreVote; kind <= raft.MsgRecover; kind++ {
		want := LaneControl
		switch kind {
		case raft.MsgAppend, raft.MsgAppendReply:
			want = LaneAppend
		case raft.MsgSnapshot:
			want = LaneSnapshot
		}
		if got := LaneOf(kind); got != want {
			t.Errorf("LaneOf(%v) = %v, want %v", kind, got, want)
		}
	}
}
