package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"time"

	"github.com/raftmark/raftmark/raft"
)

const (
	authorityLifetime = 10 * 365 * 24 * time.Hour
	nodeLifetime      = 2 * 365 * 24 * time.Hour
	// clockSkew is how far the clock of a peer may be behind the one that issued its certificate.
	clockSkew = time.Hour
)

// Authority issues the identities of one cluster's nodes.
type Authority struct {
	cluster string
	cert    *x509.Certificate
	key     *ecdsa.PrivateKey
}

// NewAuthority makes an authority for the cluster of that name, with a new key.
func NewAuthority(cluster string) (*Authority, error) {
	if cluster == "" {
		return nil, errors.New("create authority: cluster is empty")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("create authority key: %w", err)
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"raftmark"}, CommonName: "raftmark " + cluster},
		NotBefore:             time.Now().Add(-clockSkew),
		NotAfter:              time.Now().Add(authorityLifetime),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		URIs:                  []*url.URL{{Scheme: uriScheme, Host: cluster, Path: "/authority"}},
	}
	cert, err := sign(template, nil, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("create authority: %w", err)
	}
	return &Authority{cluster: cluster, cert: cert, key: key}, nil
}

// Cluster returns the name of the cluster.
func (a *Authority) Cluster() string { return a.cluster }

// Issue makes a key and a certificate for one node.
func (a *Authority) Issue(node raft.NodeID) (*Identity, error) {
	if node == raft.None {
		return nil, errors.New("issue identity: node id is 0")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("create node key: %w", err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{
			Organization: []string{"raftmark"},
			CommonName:   fmt.Sprintf("raftmark %s node %d", a.cluster, node),
		},
		NotBefore:   time.Now().Add(-clockSkew),
		NotAfter:    time.Now().Add(nodeLifetime),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		URIs:        []*url.URL{nodeURI(a.cluster, node)},
	}
	cert, err := sign(template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("issue certificate of node %d: %w", node, err)
	}
	return newIdentity(a.cert, tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert})
}

// sign makes a certificate of the template with a random serial number; a nil parent signs itself.
func sign(template, parent *x509.Certificate, public *ecdsa.PublicKey, signer *ecdsa.PrivateKey,
) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("create serial number: %w", err)
	}
	template.SerialNumber = serial
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
