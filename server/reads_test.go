package server

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/kv"
)

// A read is not in the log, and sees all that was answered before.
func TestReadsAtTheLeader(t *testing.T) {
	for _, mode := range []string{ReadsIndex, ReadsLog, ReadsLease} {
		t.Run(mode, func(t *testing.T) {
			nodes := startCluster(t, 3, func(c *Config) { c.Reads = mode })
			leader, follower := leaderOf(nodes)
			c := dial(t, leader.ClientAddr())
			c.say("SET k v")
			c.expect("+OK")
			before := leader.Status().Raft.LastIndex
			for range 20 {
				c.say("GET k", "MGET k none", "EXISTS k k")
				c.expect("$1", "v", "*2", "$1", "v", "$-1", ":2")
			}
			s := leader.Status()
			if grew := s.Raft.LastIndex > before; grew != (mode == ReadsLog) {
				t.Errorf("the log went from %d to %d", before, s.Raft.LastIndex)
			}
			if s.Reads != mode || s.Config.Lease > 0 != (mode == ReadsLease) {
				t.Errorf("/status: got reads %q, lease %v", s.Reads, s.Config.Lease)
			}
			c.say("INFO raft")
			if text := c.bulk(); !strings.Contains(text, "reads:"+mode+"\r\n") ||
				!strings.Contains(text, fmt.Sprintf("lease_ms:%d\r\n", s.Config.Lease.Milliseconds())) {
				t.Errorf("INFO: got %q", text)
			}
			f := dial(t, follower.ClientAddr())
			f.say("GET k")
			f.expect(fmt.Sprintf("-MOVED %d %s", slotOf([]byte("k")), leader.ClientAddr()))
		})
	}
}

// bulk reads one bulk string.
func (c *conn) bulk() string {
	c.t.Helper()
	var length int
	if _, err := fmt.Fscanf(c.r, "$%d\r\n", &length); err != nil {
		c.t.Fatal(err)
	}
	text := make([]byte, length+2)
	for n := 0; n < len(text); {
		m, err := c.r.Read(text[n:])
		if err != nil {
			c.t.Fatal(err)
		}
		n += m
	}
	return string(text[:length])
}

// After READONLY a follower serves reads, and they see what the leader answered before.
func TestFollowerReads(t *testing.T) {
	nodes := startCluster(t, 3, nil)
	leader, follower := leaderOf(nodes)
	w, r := dial(t, leader.ClientAddr()), dial(t, follower.ClientAddr())
	r.say("READONLY")
	r.expect("+OK")
	for i := range 50 {
		value := fmt.Sprint(i)
		w.say("SET k " + value)
		w.expect("+OK")
		r.say("GET k")
		r.expect(fmt.Sprintf("$%d", len(value)), value)
	}
	moved := fmt.Sprintf("-MOVED %d %s", slotOf([]byte("k")), leader.ClientAddr())
	r.say("SET k x", "READWRITE", "GET k")
	r.expect(moved, "+OK", moved)
	if got := follower.Status().Metrics; got.Reads < 50 {
		t.Errorf("the follower counted %d reads, want 50", got.Reads)
	}
}

// A read in a pipeline sees the writes before it and none of those after it.
func TestPipelinedReadsKeepTheirPlace(t *testing.T) {
	nodes := startCluster(t, 3, nil)
	leader, _ := leaderOf(nodes)
	c := dial(t, leader.ClientAddr())
	const n = 200
	var lines, want []string
	for i := range n {
		value := fmt.Sprint(1000 + i)
		lines = append(lines, "SET a "+value, "GET a", "MGET a b", "SET b "+value, "GET b")
		old := []string{"$4", fmt.Sprint(999 + i)}
		if i == 0 {
			old = []string{"$-1"}
		}
		want = append(want, "+OK", "$4", value, "*2", "$4", value)
		want = append(append(want, old...), "+OK", "$4", value)
	}
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c, strings.Join(lines, "\r\n")+"\r\n")
		sent <- err
	}()
	c.expect(want...)
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func TestSessions(t *testing.T) {
	nodes := startCluster(t, 3, nil)
	leader, follower := leaderOf(nodes)
	c := dial(t, leader.ClientAddr())
	c.say("SESSION OPEN")
	line, err := c.r.ReadString('\n')
	if err != nil || line[0] != ':' {
		t.Fatalf("SESSION OPEN: got %q, %v", line, err)
	}
	id := strings.TrimSpace(line[1:])
	do := func(rest, want string) {
		t.Helper()
		c.say("SESSION DO " + id + " " + rest)
		c.expect(strings.Split(want, "|")...)
	}
	do("1 0 INCR n", ":1")
	do("1 0 INCR n", ":1") // the same once more
	do("2 0 incr n", ":2")
	do("3 0 SET k v", "+OK")
	do("4 0 GET k", "$1|v")
	do("5 3 CAS k v w", ":1")
	do("2 2 INCR n", "-"+kv.SessionStale+" sequence 2 is below the acknowledged 3")
	do("6 7 INCR n", "-ERR SESSION DO: id "+id+", seq 6, ack 7: want an id, and ack at most seq")
	do("x 0 INCR n", "-ERR SESSION DO: seq 'x' is not a number")
	do("6 0 PING", "-ERR SESSION DO: 'PING' is not a command about keys")
	do("6 0 INCR", "-ERR wrong number of arguments for 'INCR' command")
	c.say("SESSION DO 4711 1 0 INCR n", "SESSION", "SESSION CLOSE 1", "GET n")
	c.expect("-"+kv.SessionExpired+" session 4711 is unknown or has ended",
		"-ERR wrong number of arguments for 'SESSION' command",
		"-ERR unknown subcommand or wrong number of arguments for 'SESSION CLOSE'", "$1", "2")
	f := dial(t, follower.ClientAddr())
	f.say("SESSION DO " + id + " 9 0 INCR n")
	f.expect(fmt.Sprintf("-MOVED %d %s", slotOf([]byte("n")), leader.ClientAddr()))
}

// A read that nobody confirms is refused, and definitely not answered from old state.
func TestReadWithoutAQuorumFails(t *testing.T) {
	nodes := startCluster(t, 3, nil)
	leader, follower := leaderOf(nodes)
	c := dial(t, follower.ClientAddr())
	c.say("READONLY")
	c.expect("+OK")
	for _, n := range nodes {
		if n != follower {
			_ = n.Abort()
		}
	}
	began := time.Now()
	c.say("GET k")
	line, err := c.r.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "-CLUSTERDOWN") && !strings.HasPrefix(line, "-TRYAGAIN") {
		t.Errorf("got %q, %v after %v, want a refusal", line, err, time.Since(began))
	}
	_ = leader
}
