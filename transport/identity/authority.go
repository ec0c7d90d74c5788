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
	// AuthorityLifetime and NodeLifetime are how long what is issued is valid, unless it is said otherwise.
	AuthorityLifetime = 10 * 365 * 24 * time.Hour
	NodeLifetime      = 2 * 365 * 24 * time.Hour
	// LifetimeMax bounds both.
	LifetimeMax = 100 * 365 * 24 * time.Hour
	// clockSkew is how far the clock of a peer may be behind the one that issued its certificate.
	clockSkew = time.Hour
)

// Validity is when a certificate is valid. It is kept to the second.
type Validity struct{ NotBefore, NotAfter time.Time }

// ValidFor returns the validity from now on, or from a little before for clocks that are late.
func ValidFor(lifetime time.Duration) Validity {
	now := time.Now()
	return Validity{NotBefore: now.Add(-clockSkew), NotAfter: now.Add(lifetime)}
}

// Authority issues the certificates of one cluster.
type Authority struct {
	cluster string
	cert    *x509.Certificate
	key     *ecdsa.PrivateKey
	// trusted are the certificates of this and of other authorities that the nodes are to trust, this one first.
	trusted []*x509.Certificate
}

// NewAuthority makes an authority for the cluster of that name, with a new key.
func NewAuthority(cluster string) (*Authority, error) {
	return NewAuthorityFor(cluster, ValidFor(AuthorityLifetime))
}

// NewAuthorityFor makes an authority that is valid at those times.
func NewAuthorityFor(cluster string, valid Validity) (*Authority, error) {
	if cluster == "" {
		return nil, errors.New("create authority: cluster is empty")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("create authority key: %w", err)
	}
	name := Name{Cluster: cluster, Role: RoleAuthority}
	template := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{uriScheme}, CommonName: uriScheme + " " + cluster},
		NotBefore:             valid.NotBefore,
		NotAfter:              valid.NotAfter,
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		URIs:                  []*url.URL{name.uri()},
	}
	cert, err := sign(template, nil, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("create authority: %w", err)
	}
	return &Authority{cluster: cluster, cert: cert, key: key, trusted: []*x509.Certificate{cert}}, nil
}

// Cluster returns the name of the cluster.
func (a *Authority) Cluster() string { return a.cluster }

// Issue makes a key and a certificate for one node.
func (a *Authority) Issue(node raft.NodeID) (*Identity, error) {
	return a.IssueFor(node, ValidFor(NodeLifetime))
}

// IssueFor makes one that is valid at those times, of which now must be one.
func (a *Authority) IssueFor(node raft.NodeID, valid Validity) (*Identity, error) {
	if node == raft.None {
		return nil, errors.New("issue identity: node id is 0")
	}
	pair, err := a.Sign(PeerName(a.cluster, node), valid)
	if err != nil {
		return nil, err
	}
	return newIdentity(material{pair: pair, authorities: a.trusted})
}

// Sign makes a key and a certificate for anybody, whether or not nodes would accept it.
func (a *Authority) Sign(name Name, valid Validity) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("create key: %w", err)
	}
	uses := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	if name.Role != RolePeer {
		uses = uses[1:]
	}
	template := &x509.Certificate{
		Subject: pkix.Name{
			Organization: []string{uriScheme},
			CommonName:   fmt.Sprintf("%s %s %s", uriScheme, name.Cluster, name.label()),
		},
		NotBefore:   valid.NotBefore,
		NotAfter:    valid.NotAfter,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: uses,
		URIs:        []*url.URL{name.uri()},
	}
	cert, err := sign(template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("issue certificate of %s: %w", name.label(), err)
	}
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}, nil
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
