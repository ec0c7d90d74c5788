package identity

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"
)

// connected makes a TLS connection and returns both sides' views of it.
func connected(t *testing.T, server, client *tls.Config) (serverSide, clientSide tls.ConnectionState) {
	t.Helper()
	a, b := pipe(t)
	dialer := tls.Client(b, client)
	done := make(chan error, 1)
	go func() { // reads the ticket, too
		err := dialer.Handshake()
		if err == nil {
			_, err = dialer.Read(make([]byte, 1))
		}
		done <- err
	}()
	accepter := tls.Server(a, server)
	if _, err := accepter.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return accepter.ConnectionState(), dialer.ConnectionState()
}

func guarded(id *Identity, state tls.ConnectionState) (ended chan error, release func()) {
	ended = make(chan error, 2)
	return ended, id.Guard(state, func(err error) { ended <- err })
}

func wantEnd(t *testing.T, what string, ended chan error, reason Reason) {
	t.Helper()
	select {
	case err := <-ended:
		if reasonOf(err) != reason {
			t.Errorf("%s: ended for %v, want %s", what, err, reason)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("%s: the connection goes on", what)
	}
}

func TestConnectionsEndWhenTheirPeerIsRevoked(t *testing.T) {
	a := authorityOf(t, "c")
	one, two, three := issue(t, a, 1), issue(t, a, 2), issue(t, a, 3)
	fromTwo, toOne := connected(t, one.ServerTLS(plain), two.ClientTLS(plain, 1))
	fromThree, _ := connected(t, one.ServerTLS(plain), three.ClientTLS(plain, 1))
	gone, toGone := guarded(one, fromTwo)
	defer toGone()
	stays, release := guarded(one, fromThree)
	released, letGo := guarded(one, fromTwo)
	letGo()
	if err := one.Revoke(Serial(two.current.Load().pair.Leaf)); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, "revoked", gone, ReasonRevoked)
	late, _ := guarded(one, fromTwo) // revoked between the handshake and now
	wantEnd(t, "revoked already", late, ReasonRevoked)
	_, serverErr, _ := handshake(t, one.ServerTLS(plain), two.ClientTLS(plain, 1))
	if reasonOf(serverErr) != ReasonRevoked {
		t.Errorf("a new connection: %v, want %s", serverErr, ReasonRevoked)
	}
	if len(stays)+len(released)+len(gone) > 0 {
		t.Error("a connection ended that should not, or twice")
	}
	release()

	dialed, end := guarded(two, toOne)
	defer end()
	fingerprint := Fingerprint(one.current.Load().pair.Leaf)
	if err := two.Revoke(fingerprint); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, "of the dialer", dialed, ReasonRevoked)
}

// TestRevokedAuthorityTakesItsCertificatesAlong throws out an authority that was replaced, with all it vouched for.
func TestRevokedAuthorityTakesItsCertificatesAlong(t *testing.T) {
	f := folderOf(t, PeerName("c", 1), PeerName("c", 2))
	id, _ := opened(t, f, time.Hour)
	two, err := LoadFiles(FilesIn(f.dir, 2))
	if err != nil {
		t.Fatal(err)
	}
	state, _ := connected(t, id.ServerTLS(plain), two.ClientTLS(plain, 1))
	ended, release := guarded(id, state)
	defer release()
	old := f.authority.cert
	for _, change := range []func() error{
		func() error { return f.Rotate(AuthorityLifetime) },
		func() error { _, err := f.Issue(PeerName("c", 1), time.Hour); return err },
		func() error {
			_, err := f.Issue(PeerName("c", 2), time.Hour) // or it would be in use
			return errors.Join(err, f.DropOld())
		},
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		reread(t, id, true)
	}
	if len(ended) > 0 {
		t.Error("a connection ended because its authority is trusted no more")
	}
	if err := f.Revoke(Serial(old), "lost its key"); err != nil {
		t.Fatal(err)
	}
	reread(t, id, true)
	wantEnd(t, "authority revoked", ended, ReasonRevoked)
}

func TestConnectionsEndWithTheirCertificate(t *testing.T) {
	a := authorityOf(t, "c")
	one := issue(t, a, 1)
	short, err := a.IssueFor(2, Validity{time.Now().Add(-time.Hour), time.Now().Add(1500 * time.Millisecond)})
	if err != nil {
		t.Fatal(err)
	}
	state, _ := connected(t, one.ServerTLS(plain), short.ClientTLS(plain, 1))
	ended, release := guarded(one, state)
	defer release()
	if len(ended) > 0 {
		t.Error("ended before its time")
	}
	wantEnd(t, "expired", ended, ReasonExpired)
	_, serverErr, _ := handshake(t, one.ServerTLS(plain), short.ClientTLS(plain, 1))
	if reasonOf(serverErr) != ReasonExpired {
		t.Errorf("a new connection: %v, want %s", serverErr, ReasonExpired)
	}
}

// TestResumedConnectionsAreCheckedAgain resumes sessions, and does not once the certificates have changed.
func TestResumedConnectionsAreCheckedAgain(t *testing.T) {
	a := authorityOf(t, "c")
	server, client, other := issue(t, a, 1), issue(t, a, 2), issue(t, a, 3)
	resuming := TLSOptions{Protocol: "p", Resumption: true}
	dial := func(from *Identity) bool {
		t.Helper()
		accepted, dialed := connected(t, server.ServerTLS(resuming), from.ClientTLS(resuming, 1))
		if accepted.DidResume != dialed.DidResume {
			t.Error("only one side resumed")
		}
		if peer, err := PeerOf(accepted); err != nil || peer != from.Node() {
			t.Errorf("resumed %v: is node %d, %v, want %d", accepted.DidResume, peer, err, from.Node())
		}
		return accepted.DidResume
	}
	if dial(client) || !dial(client) || !dial(client) {
		t.Error("want the first handshake full, and the others resumed")
	}
	if dial(other) {
		t.Error("a session of another node was resumed")
	}
	plainly, _ := connected(t, server.ServerTLS(plain), client.ClientTLS(plain, 1))
	if plainly.DidResume {
		t.Error("resumed without being asked to")
	}
	if err := server.Revoke(Serial(other.current.Load().pair.Leaf)); err != nil {
		t.Fatal(err)
	}
	if dial(client) {
		t.Error("resumed with a ticket from before something was revoked")
	}
	_, serverErr, _ := handshake(t, server.ServerTLS(resuming), other.ClientTLS(resuming, 1))
	if reasonOf(serverErr) != ReasonRevoked {
		t.Errorf("a node that was revoked, with a ticket: %v, want %s", serverErr, ReasonRevoked)
	}
	if !dial(client) {
		t.Error("not resumed with a new ticket")
	}

	// What the server would accept by its ticket alone is refused when its certificate is not in order any more.
	hidden := server.current.Load()
	hidden.revoked.serials[Serial(client.current.Load().pair.Leaf)] = true
	_, serverErr, _ = handshake(t, server.ServerTLS(resuming), client.ClientTLS(resuming, 1))
	if reasonOf(serverErr) != ReasonRevoked {
		t.Errorf("resumed although it is revoked: %v, want %s", serverErr, ReasonRevoked)
	}
}

func TestListOfRevokedCertificates(t *testing.T) {
	a := authorityOf(t, "c")
	leaf := func() *x509.Certificate { return issue(t, a, 1).current.Load().pair.Leaf }
	one, two, three := leaf(), leaf(), leaf()
	text := "# lost\r\n\n  00" + Serial(one) + " # of node 1\n" + Fingerprint(two) + "\n"
	r, err := parseRevoked([]byte(text))
	if err != nil || r.len() != 2 || !r.has(one) || !r.has(two) || r.has(three) {
		t.Errorf("%q: %d entries, %v, want the first two", text, r.len(), err)
	}
	for _, bad := range []string{"0", "-5", "zz", "sha256:12", "sha256:", "1 2", strings.Repeat("1", 41)} {
		if _, err := parseRevoked([]byte("1\n" + bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
