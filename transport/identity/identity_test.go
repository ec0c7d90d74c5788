package identity

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
)

var plain = TLSOptions{Protocol: "p"} // a constant in all but name

func authorityOf(t *testing.T, cluster string) *Authority {
	t.Helper()
	a, err := NewAuthority(cluster)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func issue(t *testing.T, a *Authority, node raft.NodeID) *Identity {
	t.Helper()
	id, err := a.Issue(node)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// pipe returns the ends of a connection. One of net.Pipe has no buffers, which TLS needs to be resumed.
func pipe(t *testing.T) (a, b net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	if b, err = net.Dial("tcp", listener.Addr().String()); err == nil {
		a, err = listener.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, conn := range []net.Conn{a, b} {
		t.Cleanup(func() { _ = conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	return a, b
}

// handshake connects client to server and returns both sides' errors and the node that the server saw.
func handshake(t *testing.T, server *tls.Config, client *tls.Config) (peer raft.NodeID, serverErr, clientErr error) {
	t.Helper()
	a, b := pipe(t)
	done := make(chan error, 1)
	go func() {
		conn := tls.Client(b, client)
		err := conn.Handshake()
		if err == nil { // the server's verdict comes with the first read
			_, err = conn.Read(make([]byte, 1))
		}
		done <- err
		_ = b.Close()
	}()
	conn := tls.Server(a, server)
	if serverErr = conn.Handshake(); serverErr == nil {
		if peer, serverErr = PeerOf(conn.ConnectionState()); serverErr == nil {
			_, serverErr = conn.Write([]byte{1})
		}
	}
	clientErr = <-done
	_ = a.Close()
	return peer, serverErr, clientErr
}

func TestNodesOfOneClusterKnowEachOther(t *testing.T) {
	a := authorityOf(t, "Orders.eu-1_x")
	one, two := issue(t, a, 1), issue(t, a, 1<<63)
	peer, serverErr, clientErr := handshake(t, two.ServerTLS(plain), one.ClientTLS(plain, 1<<63))
	if serverErr != nil || clientErr != nil || peer != 1 {
		t.Errorf("server saw node %d: %v; client: %v", peer, serverErr, clientErr)
	}
	if one.ResetKey() == two.ResetKey() {
		t.Error("two nodes have the same reset key")
	}
}

func TestStrangersAreRefused(t *testing.T) {
	a := authorityOf(t, "c")
	server := issue(t, a, 2)
	sameName, other := authorityOf(t, "c"), authorityOf(t, "d")
	// imposter is what node 1 has, with somebody else's certificate.
	imposter := func(pair tls.Certificate, _ error) *tls.Config {
		config := issue(t, a, 1).ClientTLS(plain, 2)
		config.Certificates = []tls.Certificate{pair}
		return config
	}
	now, soon := time.Now(), ValidFor(time.Hour)
	past := Validity{now.Add(-2 * time.Hour), now.Add(-time.Hour)}
	future := Validity{now.Add(time.Hour), now.Add(2 * time.Hour)}
	old := issue(t, a, 1).ClientTLS(plain, 2)
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	for name, c := range map[string]struct {
		client *tls.Config
		reason Reason
	}{
		"another authority of the same name": {imposter(sameName.Sign(PeerName("c", 1), soon)), ReasonAuthority},
		"another cluster":                    {imposter(other.Sign(PeerName("d", 1), soon)), ReasonCluster},
		"another cluster, our authority":     {imposter(a.Sign(PeerName("d", 1), soon)), ReasonCluster},
		"no certificate":                     {imposter(tls.Certificate{}, nil), ReasonNone},
		"a client":                           {imposter(a.Sign(ClientName("c", "ops"), soon)), ReasonRole},
		"the authority itself": {imposter(tls.Certificate{
			Certificate: [][]byte{a.cert.Raw}, PrivateKey: a.key, Leaf: a.cert}, nil), ReasonRole},
		"expired":  {imposter(a.Sign(PeerName("c", 1), past)), ReasonExpired},
		"too soon": {imposter(a.Sign(PeerName("c", 1), future)), ReasonExpired},
		"TLS 1.2":  {old, ""},
	} {
		_, serverErr, clientErr := handshake(t, server.ServerTLS(plain), c.client)
		if serverErr == nil || clientErr == nil || reasonOf(serverErr) != c.reason {
			t.Errorf("%s: server %v, client %v, want both to fail, for %q", name, serverErr, clientErr, c.reason)
		}
	}
	_, _, err := handshake(t, server.ServerTLS(plain), issue(t, a, 1).ClientTLS(plain, 3))
	if !errors.Is(err, ErrIdentity) || reasonOf(err) != ReasonNode {
		t.Errorf("node 2 in place of 3: client %v, want %v", err, ErrIdentity)
	}
	pretender := issue(t, sameName, 2)
	_, _, err = handshake(t, pretender.ServerTLS(plain), issue(t, a, 1).ClientTLS(plain, 2))
	if reasonOf(err) != ReasonAuthority {
		t.Errorf("server of another authority: client %v, want %v", err, ErrIdentity)
	}
}

// TestRoleIsWhatTheNameSays has a client whose certificate may be used for both ends, as other tools issue them.
func TestRoleIsWhatTheNameSays(t *testing.T) {
	a := authorityOf(t, "c")
	pair, err := a.Sign(PeerName("c", 7), ValidFor(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []Name{ClientName("c", "7"), {Cluster: "c", Role: RoleAuthority}} {
		template := *pair.Leaf
		template.URIs = []*url.URL{name.uri()}
		cert, err := sign(&template, a.cert, &pair.PrivateKey.(*ecdsa.PrivateKey).PublicKey, a.key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := issue(t, a, 1).verifyPeer([]*x509.Certificate{cert}); reasonOf(err) != ReasonRole {
			t.Errorf("%v: %v, want %s", name, err, ReasonRole)
		}
	}
	for _, uri := range []string{
		"raftmark://c/peer/0", "raftmark://c/peer/07", "raftmark://c/peer/7/", "raftmark://c/node/7", "raftmark:///peer/7",
		"raftmark://c/peer/7?role=client", "raftmark://x@c/peer/7", "https://c/peer/7", "raftmark://c/client/a%2Fb",
		"raftmark://c/peer/-7",
	} {
		parsed, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		if name, err := NameOf(&x509.Certificate{URIs: []*url.URL{parsed}}); reasonOf(err) != ReasonMalformed {
			t.Errorf("%s: %v, %v, want %s", uri, name, err, ReasonMalformed)
		}
	}
}

func TestFilesBringTheIdentityBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs")
	a := authorityOf(t, "c")
	if err := a.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	if err := a.WriteFiles(dir); err == nil || !errors.Is(err, os.ErrExist) {
		t.Errorf("an authority was replaced: %v", err)
	}
	loaded, err := LoadAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	for node := raft.NodeID(1); node <= 2; node++ {
		if err := issue(t, loaded, node).WriteFiles(dir); err != nil {
			t.Fatal(err)
		}
	}
	one, err := LoadFiles(FilesIn(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	two, err := LoadFiles(FilesIn(dir, 2))
	if err != nil {
		t.Fatal(err)
	}
	if one.Cluster() != "c" || one.Node() != 1 || two.Node() != 2 {
		t.Errorf("loaded nodes %d and %d of %q", one.Node(), two.Node(), one.Cluster())
	}
	if peer, serverErr, clientErr := handshake(t, two.ServerTLS(plain), one.ClientTLS(plain, 2)); peer != 1 {
		t.Errorf("server %v, client %v", serverErr, clientErr)
	}
	info, err := os.Stat(FilesIn(dir, 1).Key)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key: %v, %v, want mode 0600", info.Mode(), err)
	}
}

func TestFilesThatDoNotFitAreRefused(t *testing.T) {
	dir, otherDir := t.TempDir(), t.TempDir()
	if err := issue(t, authorityOf(t, "c"), 1).WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	other := authorityOf(t, "c")
	if err := issue(t, other, 1).WriteFiles(otherDir); err != nil {
		t.Fatal(err)
	}
	files := FilesIn(dir, 1)
	for name, change := range map[string]func(*Files){
		"missing key":       func(f *Files) { f.Key += "x" },
		"key of another":    func(f *Files) { f.Key = FilesIn(otherDir, 1).Key },
		"another authority": func(f *Files) { f.Authority = FilesIn(otherDir, 1).Authority },
		"no certificate":    func(f *Files) { f.Authority = files.Key },
		"authority as node": func(f *Files) { f.Certificate = files.Authority },
	} {
		bad := files
		change(&bad)
		if _, err := LoadFiles(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestNamesThatCannotBeIssued(t *testing.T) {
	if _, err := NewAuthority(""); err == nil {
		t.Error("authority of a cluster without a name")
	}
	if _, err := authorityOf(t, "c").Issue(0); err == nil || !strings.Contains(err.Error(), "node id is 0") {
		t.Errorf("identity of node 0: %v", err)
	}
}

// TestRevocationsAtOnceAllCount revokes from many goroutines.
func TestRevocationsAtOnceAllCount(t *testing.T) {
	const callers, each = 8, 25
	id := issue(t, authorityOf(t, "c"), 1)
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			for i := range each {
				if err := id.Revoke(fmt.Sprintf("%x", 1+caller*each+i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := id.Status().Revoked; got != callers*each {
		t.Errorf("%d are revoked, want %d", got, callers*each)
	}
}
