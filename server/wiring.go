package server

import (
	"errors"
	"fmt"

	"github.com/raftmark/raftmark/kv"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/storage"
	logmem "github.com/raftmark/raftmark/storage/mem"
	"github.com/raftmark/raftmark/storage/pebble"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/identity"
	"github.com/raftmark/raftmark/transport/quic"
	"github.com/raftmark/raftmark/transport/tcp"
)

// parts are what a node is built from: its names in the configuration, turned into objects here and nowhere else.
type parts struct {
	log         replica.Log
	machine     replica.Machine
	transport   replica.Transport
	claim       *storage.Claim // when the log does not hold it itself
	incarnation uint64
}

// openParts opens the log, which claims the data folder, then the machine, then the peer port.
func openParts(c Config) (p parts, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if err := p.openLog(c); err != nil {
		return p, err
	}
	if p.machine, err = openMachine(c); err != nil {
		return p, err
	}
	p.transport, err = newTransport(c, p.incarnation)
	return p, err
}

func (p *parts) openLog(c Config) error {
	o := storage.Options{Dir: c.DataDir, Cluster: c.Cluster, Node: c.Node, Sync: c.Sync, Logger: c.Logger}
	switch c.LogStorage {
	case StoragePebble:
		log, err := pebble.Open(o)
		if err != nil {
			return err
		}
		p.log, p.incarnation = log, log.Incarnation()
		return nil
	case StorageMem:
		claim, err := storage.NewClaim(o)
		if err != nil {
			return err
		}
		p.claim, p.incarnation = claim, claim.Incarnation()
		log, err := logmem.New(logmem.Options{})
		if err != nil {
			return err
		}
		p.log = log
		return nil
	}
	return fmt.Errorf("log_storage: %q is not known", c.LogStorage)
}

func openMachine(c Config) (replica.Machine, error) {
	opened := func(m *kv.Pebble, err error) (replica.Machine, error) {
		if err != nil {
			return nil, fmt.Errorf("open state machine: %w", err)
		}
		return m, nil
	}
	switch c.Machine {
	case MachinePebble:
		return opened(kv.OpenPebble(kv.Options{Dir: storage.MachineDir(c.DataDir), Logger: c.Logger}))
	case MachineMem:
		return kv.NewMem(), nil
	case MachineNull:
		return kv.NewNull(), nil
	}
	return nil, fmt.Errorf("machine: %q is not known", c.Machine)
}

func newTransport(c Config, incarnation uint64) (replica.Transport, error) {
	if c.Transport == TransportMem {
		return c.PeerTransport, nil
	}
	o := transport.Options{
		Self: c.Node, Cluster: c.Cluster, Incarnation: incarnation, Listen: c.PeerListen,
		Peers: make(map[raft.NodeID]string, len(c.Peers)), Logger: c.Logger,
	}
	for id, p := range c.Peers {
		if id != c.Node {
			o.Peers[id] = p.Peer
		}
	}
	if c.Transport != TransportTCP {
		id, err := identity.LoadFiles(identity.FilesIn(c.TLSDir, c.Node))
		if err != nil {
			return nil, ConfigError{fmt.Errorf("tls_dir: %w", err)}
		}
		o.Identity = id
	}
	var t replica.Transport
	var err error
	switch c.Transport {
	case TransportTCP, TransportTLS:
		t, err = tcp.New(o)
	case TransportQUIC:
		t, err = quic.New(o)
	default:
		err = fmt.Errorf("%q is not known", c.Transport)
	}
	if err != nil { // t may hold a nil pointer then
		return nil, fmt.Errorf("open transport %s: %w", c.Transport, err)
	}
	return t, nil
}

// close closes what was opened.
func (p *parts) close() error {
	var errs []error
	if p.transport != nil {
		errs = append(errs, p.transport.Close())
	}
	if p.machine != nil {
		errs = append(errs, p.machine.Close())
	}
	if p.log != nil {
		errs = append(errs, p.log.Close())
	}
	return errors.Join(append(errs, p.release())...)
}

// release gives up what the replica does not close.
func (p *parts) release() error {
	if p.claim == nil {
		return nil
	}
	return p.claim.Close()
}

// stateHash is the machine's hash at an index.
type stateHash struct {
	index raft.Index
	sum   string
}

// stateHash reads the whole state; it may be called beside everything else.
func (p *parts) stateHash() (stateHash, error) {
	hasher, ok := p.machine.(interface {
		Hash() (raft.Index, kv.Hash, error)
	})
	if !ok {
		return stateHash{}, errors.New("this machine has no hash")
	}
	index, sum, err := hasher.Hash()
	return stateHash{index: index, sum: sum.String()}, err
}
