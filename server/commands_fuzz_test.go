package server

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	transportmem "github.com/raftmark/raftmark/transport/mem"
)

// FuzzClient sends arbitrary bytes to the client port of a node that leads alone. Whatever they are, each of its
// replies is one of the protocol, the connection ends when the client has no more to say, and the node serves others as
// before.
func FuzzClient(f *testing.F) {
	for _, program := range []string{
		"PING\r\n", "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
		"SET k 1 NX GET\r\nINCR k\r\nCAS k 2 3\r\nMGET k l\r\nEXISTS k k\r\nDEL k\r\n",
		"HELLO 3 SETNAME me\r\nCLIENT GETNAME\r\nCLIENT ID\r\nCLIENT SETINFO a b\r\n",
		"CLUSTER SLOTS\r\nCLUSTER SHARDS\r\nCLUSTER NODES\r\nCLUSTER INFO\r\nCLUSTER KEYSLOT {a}b\r\nCLUSTER MYID\r\n",
		"INFO\r\nROLE\r\nCONFIG GET save appendonly\r\nCOMMAND COUNT\r\nCOMMAND DOCS\r\nECHO hi\r\nSELECT 0\r\n",
		"SESSION OPEN\r\nSESSION 1 1 1 SET k v\r\nSESSION 1 2 1 INCR k\r\nSESSION 99 1 1 GET k\r\n",
		"READONLY\r\nGET k\r\nREADWRITE\r\nGET k\r\nQUIT\r\nPING\r\n", "*1\r\n$9223372036854775807\r\n",
		"POST / HTTP/1.1\r\n",
		"SET k v EX 10\r\nSET k v NX XX\r\nSET\r\nGET\r\nMGET\r\nHELLO 9\r\nSELECT 1\r\n\r\n*0\r\n*-1\r\n",
	} {
		f.Add([]byte(program))
	}
	address := startAlone(f)
	f.Fuzz(func(t *testing.T, requests []byte) {
		c := dialFuzz(t, address)
		defer func() { _ = c.Close() }()
		go func() {
			_, _ = c.Write(requests) // the node may hang up first
			_ = c.(*net.TCPConn).CloseWrite()
		}()
		replies := bufio.NewReader(c)
		for {
			err := skipReply(replies, 0)
			if errors.Is(err, io.EOF) || isReset(err) {
				break
			}
			if err != nil {
				t.Fatalf("after %.200q: %v", requests, err)
			}
		}
		other := dialFuzz(t, address)
		defer func() { _ = other.Close() }()
		if _, err := io.WriteString(other, "PING\r\n"); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(other).ReadString('\n'); line != "+PONG\r\n" {
			t.Fatalf("another client hears %q, %v after %.200q", line, err, requests)
		}
	})
}

// isReset reports whether the node hung up with bytes of the client's unread.
func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !op.Timeout()
}

func dialFuzz(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// startAlone runs a node that is its whole cluster, in memory, and returns its client port.
func startAlone(f *testing.F) string {
	f.Helper()
	peers := map[raft.NodeID]Peer{1: {Peer: "127.0.0.1:1"}}
	link, err := transportmem.NewNetwork().Transport(
		transport.Options{Self: 1, Cluster: "test", Peers: map[raft.NodeID]string{1: "127.0.0.1:1"}})
	if err != nil {
		f.Fatal(err)
	}
	clients, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	node, err := Start(Config{
		Cluster: "test", Node: 1, DataDir: f.TempDir(), Peers: peers, Transport: TransportMem, PeerTransport: link,
		LogStorage: StorageMem, Machine: MachineMem, ClientListener: clients,
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = node.Abort() })
	for end := time.Now().Add(patience); !node.Status().Ready; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			f.Fatal("the node is not ready")
		}
	}
	return clients.Addr().String()
}

// skipReply reads one reply and checks its form, independently of the package that writes it.
func skipReply(r *bufio.Reader, depth int) error {
	line, err := r.ReadString('\n')
	if err != nil {
		if line != "" && errors.Is(err, io.EOF) {
			return fmt.Errorf("a reply is cut off after %.60q", line)
		}
		return err
	}
	if !strings.HasSuffix(line, "\r\n") || len(line) < 3 || depth > 4 {
		return fmt.Errorf("%.60q is no reply", line)
	}
	body := line[1 : len(line)-2]
	switch line[0] {
	case '+', '-':
		if strings.ContainsAny(body, "\r\n") {
			return fmt.Errorf("%.60q has a line end in it", line)
		}
		return nil
	case '_':
		return nil
	}
	n, err := strconv.Atoi(body)
	if err != nil {
		return fmt.Errorf("%.60q is no reply", line)
	}
	switch {
	case line[0] == ':' || n == -1:
		return nil
	case line[0] == '$' && n >= 0:
		text := make([]byte, n+2)
		if _, err := io.ReadFull(r, text); err != nil || !bytes.HasSuffix(text, []byte("\r\n")) {
			return fmt.Errorf("a bulk of %d bytes is cut off: %w", n, errors.Join(err, io.ErrUnexpectedEOF))
		}
		return nil
	case (line[0] == '*' || line[0] == '%') && n >= 0:
		if line[0] == '%' {
			n *= 2
		}
		for range n {
			if err := skipReply(r, depth+1); err != nil {
				return fmt.Errorf("element of an array of %d: %w", n, errors.Join(err, io.ErrUnexpectedEOF))
			}
		}
		return nil
	}
	return fmt.Errorf("%.60q is no reply", line)
}
