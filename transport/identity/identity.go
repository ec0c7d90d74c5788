package identity

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/raftmark/raftmark/raft"
)

const resetLabel = "raftmark stateless reset 1\x00"

// Identity is who a node is: its certificate and key, the authorities that it trusts, and what was revoked. One that
// comes from files may change while it is used, see [Open]; its cluster and node never do.
type Identity struct {
	cluster  string
	node     raft.NodeID
	resetKey [32]byte
	changing sync.Mutex // held while current is replaced
	current  atomic.Pointer[state]
	guards   guards
	source   *source    // nil when it is of no files
	shaken   handshakes // counts
}

// material is what an identity is made of.
type material struct {
	pair        tls.Certificate
	authorities []*x509.Certificate
	revoked     revocations
}

// state is what an identity is at one time. It is immutable, but for the sessions.
type state struct {
	material
	roots *x509.CertPool
	// ticketKey encrypts the tickets that peers resume sessions with: those of another state, or process, are void.
	ticketKey [32]byte

	mu       sync.Mutex
	sessions map[raft.NodeID]*tls.ClientSessionState // of the peers that were dialed, at most sessionsMax
}

// newState checks that m is a node's: that the key fits, and that one of the authorities vouches for the certificate.
func newState(m material) (*state, error) {
	if len(m.authorities) == 0 {
		return nil, errors.New("no authority is given")
	}
	s := &state{material: m, roots: x509.NewCertPool(), sessions: map[raft.NodeID]*tls.ClientSessionState{}}
	for _, authority := range m.authorities {
		s.roots.AddCert(authority)
	}
	if _, err := rand.Read(s.ticketKey[:]); err != nil {
		return nil, fmt.Errorf("create ticket key: %w", err)
	}
	name, err := NameOf(m.pair.Leaf)
	if err != nil {
		return nil, err
	}
	return s, s.check(name, m.pair.Leaf, nil, time.Now())
}

// name returns who the node is.
func (s *state) name() Name {
	name, _ := NameOf(s.pair.Leaf) // newState has checked it
	return name
}

func newIdentity(m material) (*Identity, error) {
	s, err := newState(m)
	if err != nil {
		return nil, err
	}
	key, ok := m.pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("key is %T: want ECDSA", m.pair.PrivateKey)
	}
	secret, err := key.Bytes()
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	name := s.name()
	id := &Identity{cluster: name.Cluster, node: name.Node, resetKey: sha256.Sum256(append([]byte(resetLabel), secret...))}
	id.current.Store(s)
	return id, nil
}

// Cluster returns the cluster that the certificate names.
func (id *Identity) Cluster() string { return id.cluster }

// Node returns the node that the certificate names.
func (id *Identity) Node() raft.NodeID { return id.node }

// ResetKey returns a secret derived from the key that the node had at first, for QUIC's stateless resets: a node that
// comes back with the same key can tell its peers that it forgot their connections.
func (id *Identity) ResetKey() [32]byte { return id.resetKey }

// Revoke refuses one more certificate, or what one more authority vouched for, from now on: by serial number or
// fingerprint. An identity of files forgets it when it rereads them.
func (id *Identity) Revoke(serialOrFingerprint string) error {
	id.changing.Lock()
	defer id.changing.Unlock()
	before := id.current.Load()
	m := before.material
	m.revoked = revocations{serials: map[string]bool{}, fingerprints: map[[sha256.Size]byte]bool{}}
	for serial := range before.revoked.serials {
		m.revoked.serials[serial] = true
	}
	for sum := range before.revoked.fingerprints {
		m.revoked.fingerprints[sum] = true
	}
	if err := m.revoked.add(serialOrFingerprint); err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	next, err := newState(m)
	if err != nil && reasonOf(err) != ReasonRevoked { // it may revoke itself
		return err
	}
	id.become(next)
	return nil
}

// become makes next what the identity is, and ends the connections that it must. id.changing is held.
func (id *Identity) become(next *state) {
	id.current.Store(next)
	id.guards.check(id)
}

// verifyPeer checks all of a connection's peer and returns its node.
func (id *Identity) verifyPeer(certs []*x509.Certificate) (raft.NodeID, error) {
	if len(certs) == 0 {
		return raft.None, refuse(ReasonNone, "none was shown")
	}
	name, err := NameOf(certs[0])
	if err != nil {
		return raft.None, err
	}
	if name.Cluster != id.cluster {
		return raft.None, refuse(ReasonCluster, "%s of cluster %q, want %q", name.label(), name.Cluster, id.cluster)
	}
	return name.Node, id.current.Load().check(name, certs[0], certs[1:], time.Now())
}

// check checks that leaf is a node's certificate, that an authority vouches for it, for both uses, and that none of
// them was revoked.
func (s *state) check(name Name, leaf *x509.Certificate, more []*x509.Certificate, now time.Time) error {
	if name.Role != RolePeer {
		return refuse(ReasonRole, "%s of cluster %q, want a peer", name.label(), name.Cluster)
	}
	chains, err := s.chains(leaf, more, now)
	if err != nil {
		return refuse(reasonOfChain(leaf, err), "%s, serial %s: %v", name.label(), Serial(leaf), err)
	}
	for _, chain := range chains {
		if !s.anyRevoked(chain) {
			return nil
		}
	}
	return refuse(ReasonRevoked, "%s, serial %s, or its authority", name.label(), Serial(leaf))
}

// chains returns the ways from leaf to an authority that vouches for it, for both uses.
func (s *state) chains(leaf *x509.Certificate, more []*x509.Certificate, now time.Time,
) (chains [][]*x509.Certificate, err error) {
	pool := x509.NewCertPool()
	for _, cert := range more {
		pool.AddCert(cert)
	}
	options := x509.VerifyOptions{Roots: s.roots, Intermediates: pool, CurrentTime: now}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		options.KeyUsages = []x509.ExtKeyUsage{usage}
		if chains, err = leaf.Verify(options); err != nil {
			return nil, err
		}
	}
	return chains, nil
}

func (s *state) anyRevoked(certs []*x509.Certificate) bool {
	return slices.ContainsFunc(certs, s.revoked.has)
}

// reasonOfChain returns why there is no chain from leaf to an authority.
func reasonOfChain(leaf *x509.Certificate, err error) Reason {
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return ReasonExpired
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return ReasonRole
	case leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) == nil:
		return ReasonSelfSigned
	default:
		return ReasonAuthority
	}
}
