package transporttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net/url"
	"sync"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/identity"
	"github.com/raftmark/raftmark/transport/wire"
)

// attackCertificates shows certificates that are not those of a node of the cluster, and greets with names that are not
// the certificate's.
func attackCertificates(h *hostile) string {
	h.identity(clusterName, strangerID) // so that there is an authority
	own := h.authorities[clusterName]
	valid := identity.ValidFor(time.Hour)
	past := identity.Validity{NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}
	revoked := h.sign(own, identity.PeerName(clusterName, strangerID), valid)
	if err := h.victim.identity.Revoke(identity.Serial(leafOf(h, revoked))); err != nil {
		h.Fatal(err)
	}
	elsewhere := h.hello(strangerID, 1)
	elsewhere.Cluster = "elsewhere"
	other := h.hello(strangerID+1, 1)
	inOrder := h.hello(strangerID, 1)
	cases := []struct {
		name   string
		cert   tls.Certificate
		hello  wire.Hello
		reason transport.Refusal
	}{
		{"none", tls.Certificate{}, inOrder, transport.RefusedNoCertificate},
		{"self-signed", selfSigned(h), inOrder, transport.RefusedSelfSigned},
		{"other authority", h.sign(h.authority(clusterName), identity.PeerName(clusterName, strangerID), valid),
			inOrder, transport.RefusedAuthority},
		{"other cluster", h.sign(h.authority("elsewhere"), identity.PeerName("elsewhere", strangerID), valid),
			inOrder, transport.RefusedCluster},
		{"client", h.sign(own, identity.ClientName(clusterName, "c"), valid), inOrder, transport.RefusedRole},
		{"expired", h.sign(own, identity.PeerName(clusterName, strangerID), past), inOrder, transport.RefusedExpired},
		{"revoked", revoked, inOrder, transport.RefusedRevoked},
		{"other cluster in the hello", h.sign(own, identity.PeerName(clusterName, strangerID), valid),
			elsewhere, transport.RefusedCluster},
		{"other node in the hello", h.sign(own, identity.PeerName(clusterName, strangerID), valid),
			other, transport.RefusedIdentity},
	}
	for _, c := range cases {
		before := h.refusals(c.reason)
		config := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, NextProtos: []string{h.tools.Protocol}}
		if c.cert.PrivateKey != nil {
			config.Certificates = []tls.Certificate{c.cert}
		}
		line, err := h.tools.Knock(h.victim.addr, loopback(1), config)
		if err == nil { // the victim's verdict comes after this side's handshake
			if welcome(line.Greet(frameOf(c.hello))) {
				h.Errorf("%s: welcome", c.name)
			}
			_ = line.Close()
		}
		h.refusedFor(c.reason, before+1)
	}
	return fmt.Sprintf("%d refused", len(cases))
}

// authority returns a new authority of a cluster of that name, which the nodes do not know.
func (h *hostile) authority(cluster string) *identity.Authority {
	h.Helper()
	a, err := identity.NewAuthority(cluster)
	if err != nil {
		h.Fatal(err)
	}
	return a
}

func (h *hostile) sign(by *identity.Authority, name identity.Name, valid identity.Validity) tls.Certificate {
	h.Helper()
	cert, err := by.Sign(name, valid)
	if err != nil {
		h.Fatal(err)
	}
	return cert
}

func leafOf(h *hostile, cert tls.Certificate) *x509.Certificate {
	h.Helper()
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		h.Fatal(err)
	}
	return leaf
}

// selfSigned returns a certificate that names a node and that nobody vouches for.
func selfSigned(h *hostile) tls.Certificate {
	h.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		h.Fatal(err)
	}
	name, err := url.Parse(identity.PeerName(clusterName, strangerID).String())
	if err != nil {
		h.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, URIs: []*url.URL{name},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		h.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// attackTwin has several programs with the certificate of one node.
func attackTwin(h *hostile) string {
	first := h.enter(strangerID, 5)
	second := h.enter(strangerID, 6)
	if !first.Closed(patience) {
		h.Error("the connection of an earlier start stayed")
	}
	stale := h.knock(strangerID)
	if welcome(stale.Greet(frameOf(h.hello(strangerID, 5)))) {
		h.Error("an earlier start was welcome")
	}
	h.refusedFor(transport.RefusedStale, 1)
	twin := h.hello(strangerID, 6)
	twin.Instance, twin.Address = 60, "127.0.0.1:10"
	third := h.knock(strangerID)
	if welcome(third.Greet(frameOf(twin))) {
		h.Error("a second program of the same start was welcome")
	}
	h.refusedFor(transport.RefusedDuplicate, 1)
	if !second.Closed(patience) {
		h.Error("of two programs of the same start, the first stayed")
	}
	return "as bound"
}

// attackRemoved floods with greetings of a node that was removed.
func attackRemoved(h *hostile) string {
	h.victim.setPeers(map[raft.NodeID]string{peerID: h.nodes[0].addr}, strangerID)
	config, hello := h.certified(strangerID), frameOf(h.hello(strangerID, 1))
	const programs = 4
	times := h.pick(5, 500)
	begin := time.Now()
	var work sync.WaitGroup
	for range programs {
		work.Go(func() {
			for range times {
				line, err := h.tools.Knock(h.victim.addr, loopback(1), config)
				if err != nil {
					continue // refused for the crowd, with the others
				}
				if welcome(line.Greet(hello)) {
					h.Error("a removed node was welcome")
				}
				_ = line.Close()
			}
		})
	}
	work.Wait()
	rate := float64(programs*times) / time.Since(begin).Seconds()
	h.refusedFor(transport.RefusedRemoved, uint64(times))
	return fmt.Sprintf("%d tries, %.0f/s", programs*times, rate)
}
