package identity

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/raftmark/raftmark/raft"
)

const (
	uriScheme  = "raftmark"
	uriPath    = "/node/"
	resetLabel = "raftmark stateless reset 1\x00"
)

// ErrIdentity is wrapped by every error that says that a certificate does not name the node it should.
var ErrIdentity = errors.New("certificate does not identify the node")

// Identity is one node's certificate and key, and the authority it trusts.
type Identity struct {
	cluster   string
	node      raft.NodeID
	authority *x509.Certificate
	roots     *x509.CertPool
	cert      tls.Certificate
	resetKey  [32]byte
}

func newIdentity(authority *x509.Certificate, cert tls.Certificate) (*Identity, error) {
	cluster, node, err := named(cert.Leaf)
	if err != nil {
		return nil, err
	}
	key, ok := cert.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("key is %T: want ECDSA", cert.PrivateKey)
	}
	secret, err := key.Bytes()
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	id := &Identity{cluster: cluster, node: node, authority: authority, cert: cert, roots: x509.NewCertPool()}
	id.resetKey = sha256.Sum256(append([]byte(resetLabel), secret...))
	id.roots.AddCert(authority)
	if err := id.verify(cert.Leaf, nil); err != nil {
		return nil, err
	}
	return id, nil
}

// Cluster returns the cluster that the certificate names.
func (id *Identity) Cluster() string { return id.cluster }

// Node returns the node that the certificate names.
func (id *Identity) Node() raft.NodeID { return id.node }

// ResetKey returns a secret derived from the node's key, for QUIC's stateless resets: a node that comes back with
// the same key can tell its peers that it forgot their connections.
func (id *Identity) ResetKey() [32]byte { return id.resetKey }

// ServerTLS returns the configuration of the accepting side: it wants a certificate of any node of the cluster, and
// leaves it to the caller to ask which one with [PeerOf].
func (id *Identity) ServerTLS(protocol string) *tls.Config {
	config := id.baseTLS(protocol)
	config.ClientAuth = tls.RequireAnyClientCert
	config.VerifyConnection = func(state tls.ConnectionState) error {
		_, err := id.verifyPeer(state)
		return err
	}
	return config
}

// ClientTLS returns the configuration of the dialing side: it wants the certificate of that peer.
func (id *Identity) ClientTLS(protocol string, peer raft.NodeID) *tls.Config {
	config := id.baseTLS(protocol)
	// Names of hosts are not part of an identity, so the default check cannot be used: VerifyConnection checks the chain,
	// the use, the cluster and the node instead, on every connection.
	config.InsecureSkipVerify = true
	config.VerifyConnection = func(state tls.ConnectionState) error {
		node, err := id.verifyPeer(state)
		if err == nil && node != peer {
			err = fmt.Errorf("%w: is node %d, want node %d", ErrIdentity, node, peer)
		}
		return err
	}
	return config
}

func (id *Identity) baseTLS(protocol string) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{id.cert},
		NextProtos:             []string{protocol},
		SessionTicketsDisabled: true,
		// Records of full size from the start: the peer waits for whole frames anyway.
		DynamicRecordSizingDisabled: true,
	}
}

// verifyPeer checks the chain and the cluster of a connection's peer and returns its node.
func (id *Identity) verifyPeer(state tls.ConnectionState) (raft.NodeID, error) {
	if len(state.PeerCertificates) == 0 {
		return raft.None, fmt.Errorf("%w: no certificate", ErrIdentity)
	}
	leaf := state.PeerCertificates[0]
	cluster, node, err := named(leaf)
	if err != nil {
		return raft.None, err
	}
	if cluster != id.cluster {
		return raft.None, fmt.Errorf("%w: is of cluster %q, want %q", ErrIdentity, cluster, id.cluster)
	}
	return node, id.verify(leaf, state.PeerCertificates[1:])
}

// verify checks that the authority vouches for leaf, for both uses.
func (id *Identity) verify(leaf *x509.Certificate, intermediates []*x509.Certificate) error {
	pool := x509.NewCertPool()
	for _, cert := range intermediates {
		pool.AddCert(cert)
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		options := x509.VerifyOptions{Roots: id.roots, Intermediates: pool, KeyUsages: []x509.ExtKeyUsage{usage}}
		if _, err := leaf.Verify(options); err != nil {
			return fmt.Errorf("%w: %w", ErrIdentity, err)
		}
	}
	return nil
}

// PeerOf returns the node that the peer's certificate names. The connection must have been made with a configuration of
// this package, which has checked the chain and the cluster.
func PeerOf(state tls.ConnectionState) (raft.NodeID, error) {
	if len(state.PeerCertificates) == 0 {
		return raft.None, fmt.Errorf("%w: no certificate", ErrIdentity)
	}
	_, node, err := named(state.PeerCertificates[0])
	return node, err
}

func nodeURI(cluster string, node raft.NodeID) *url.URL {
	return &url.URL{Scheme: uriScheme, Host: cluster, Path: uriPath + strconv.FormatUint(uint64(node), 10)}
}

// named returns the cluster and the node of a certificate's only URI.
func named(cert *x509.Certificate) (cluster string, node raft.NodeID, err error) {
	if len(cert.URIs) != 1 {
		return "", raft.None, fmt.Errorf("%w: %d URIs, want 1", ErrIdentity, len(cert.URIs))
	}
	uri := cert.URIs[0]
	digits, found := strings.CutPrefix(uri.Path, uriPath)
	number, err := strconv.ParseUint(digits, 10, 64)
	if !found || err != nil || number == 0 || uri.String() != nodeURI(uri.Host, raft.NodeID(number)).String() {
		return "", raft.None, fmt.Errorf("%w: URI %q, want %s://<cluster>%s<id>", ErrIdentity, uri, uriScheme, uriPath)
	}
	return uri.Host, raft.NodeID(number), nil
}
