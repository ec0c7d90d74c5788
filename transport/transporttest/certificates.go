package transporttest

import (
	"path/filepath"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/identity"
)

// testCertificates changes the certificates of two nodes that are connected, as an operator would.
func testCertificates(e *env) {
	if !e.config.Secure || e.config.ByID { // then nobody shows a certificate
		return
	}
	dir := filepath.Join(e.TempDir(), "tls")
	folder, err := identity.CreateFolder(dir, clusterName, time.Hour)
	if err != nil {
		e.Fatal(err)
	}
	renew := func(id raft.NodeID) string {
		entry, err := folder.Issue(identity.PeerName(clusterName, id), time.Minute)
		if err != nil {
			e.Fatal(err)
		}
		return entry.Serial
	}
	first := renew(1)
	renew(2)
	open := func(id raft.NodeID) *node {
		options := e.options(id)
		opened, err := identity.Open(identity.Options{Files: identity.FilesIn(dir, id), RereadInterval: time.Hour})
		if err != nil {
			e.Fatal(err)
		}
		e.Cleanup(func() { _ = opened.Close() })
		options.Identity = opened
		return e.open(options)
	}
	a, b := open(1), open(2)
	reread := func(err error) { e.Helper(); e.reread(err, a, b) }
	a.start(map[raft.NodeID]string{2: b.addr})
	b.start(nil) // so that nobody is dialed by both, and no connection given up for another
	a.insist(b, heartbeat(1, 2, 1))
	_, downs := b.heard(1)

	reread(folder.Rotate(time.Hour))
	second := renew(1)
	renew(2)
	reread(folder.DropOld())
	a.insist(b, heartbeat(1, 2, 2))
	if _, now := b.heard(1); now != downs {
		e.Errorf("%d connections broke because certificates were replaced", now-downs)
	}

	reread(folder.Revoke(first, "the one that the connections were made with"))
	e.eventually("the connections with it end", func() bool { return b.Metrics().Refusals["revoked"] > 0 })
	for len(b.messages) > 0 {
		b.receive()
	}
	a.insist(b, heartbeat(1, 2, 3)) // with the new one

	reread(folder.Revoke(second, "the one in use"))
	e.eventually("no connection is left", func() bool { return b.connected(1) == 0 && a.connected(2) == 0 })
	for len(b.messages) > 0 {
		b.receive()
	}
	e.eventually("the refused side knows", func() bool {
		a.Send(heartbeat(1, 2, unwanted))
		return a.Metrics().RefusedBy[transport.RefusedIdentity.String()] > 1
	})
	if len(b.messages) > 0 {
		e.Errorf("delivered %+v of a node that is revoked", b.receive())
	}
}

// reread has nodes look at their certificates again, after a change that err is of.
func (e *env) reread(err error, nodes ...*node) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
	for _, n := range nodes {
		if _, err := n.identity.Reread(); err != nil {
			e.Fatal(err)
		}
	}
}
