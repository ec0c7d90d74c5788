package server

import (
	"errors"
	"fmt"
	"os"

	"github.com/raftmark/raftmark/kv"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/storage"
	"github.com/raftmark/raftmark/storage/faultfs"
	logmem "github.com/raftmark/raftmark/storage/mem"
	"github.com/raftmark/raftmark/storage/pebble"
	"github.com/raftmark/raftmark/storage/snapshot"
	"github.com/raftmark/raftmark/transport"
	linkfaults "github.com/raftmark/raftmark/transport/faults"
	"github.com/raftmark/raftmark/transport/identity"
	"github.com/raftmark/raftmark/transport/quic"
	"github.com/raftmark/raftmark/transport/tcp"
)

// parts are what a node is built from: its names in the configuration, turned into objects here and nowhere
// else.
type parts struct {
	log       replica.Log
	machine   machine
	transport replica.Transport
	identity  *identity.Identity // nil unless the transport encrypts
	snapshots replica.Snapshots
	claim     *storage.Claim // when the log does not hold it itself
	life      storage.Life   // without a disk when nothing is kept on one
	adoptions uint64
	gate      *gate
	faults    *faultfs.FS // under the log, the machine and the snapshots; nil unless faults are enabled
	links     *linkfaults.Links
}

// machine is what every state machine of package kv can do.
type machine interface {
	replica.Machine
	// Read executes a command that only reads, beside Apply.
	Read(command []byte) (reply []byte, err error)
	// Hash returns the hash of the whole state, beside Apply.
	Hash() (raft.Index, kv.Hash, error)
}

// openParts opens the log, which claims the data folder, then the machine and the snapshots, then the peer
// port.
func openParts(c Config) (p parts, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if c.EnableFaults {
		p.faults = faultfs.NewIn(nil, c.DataDir)
		if err := p.faults.Add(c.DiskFaults...); err != nil {
			return p, ConfigError{err} // Validate has found it before
		}
	}
	if err := p.openLog(c); err != nil {
		return p, failing(PartLog, adviseCopied(err))
	}
	if p.machine, err = openMachine(c, p.faults); err != nil {
		return p, failing(PartMachine, err)
	}
	if p.snapshots, err = openSnapshots(c, p.faults); err != nil {
		return p, failing(PartSnapshots, err)
	}
	if p.gate, err = openGate(c); err != nil {
		return p, failing(PartPeers, err)
	}
	p.transport, err = p.newTransport(c)
	return p, err
}

func (p *parts) openLog(c Config) error {
	o := storage.Options{
		Dir: c.DataDir, Cluster: c.Cluster, Node: c.Node, Sync: c.Sync,
		AdoptCopied: c.AdoptCopiedFolder, Logger: c.Logger,
	}
	switch c.LogStorage {
	case StoragePebble:
		c.fitLog(&o)
		log, err := openPebbleLog(o, p.faults)
		if err != nil {
			return err
		}
		p.log, p.life, p.adoptions = log, log.Life(), log.Adoptions()
		return nil
	case StorageMem:
		claim, err := storage.NewClaim(o)
		if err != nil {
			return err
		}
		p.claim, p.adoptions = claim, claim.Adoptions()
		p.life = storage.Life{Incarnation: claim.Incarnation()}
		log, err := logmem.New(logmem.Options{})
		if err != nil {
			return err
		}
		p.log = log
		return nil
	}
	return fmt.Errorf("log_storage: %q is not known", c.LogStorage)
}

func openPebbleLog(o storage.Options, faults *faultfs.FS) (*pebble.Log, error) {
	if faults != nil {
		return pebble.OpenOn(o, faults)
	}
	return pebble.Open(o)
}

// openMachine opens the state machine. It persists its state when the log is durable, because the log is
// compacted up to there; with a log in memory both begin anew.
func openMachine(c Config, faults *faultfs.FS) (machine, error) {
	durable := c.LogStorage != StorageMem
	dir := storage.MachineDir(c.DataDir)
	o, memory := kv.Options{Dir: dir, Logger: c.Logger}, kv.MemOptions{Dir: dir}
	if faults != nil { // a nil pointer would be a file system
		o.FS, memory.FS = faults, faults
	}
	switch c.Machine {
	case MachinePebble:
		m, err := kv.OpenPebble(o)
		return opened(m, err)
	case MachineMem:
		if durable {
			m, err := kv.OpenMem(memory)
			return opened(m, err)
		}
		return kv.NewMem(), nil
	case MachineNull:
		if durable {
			m, err := kv.OpenNull(memory)
			return opened(m, err)
		}
		return kv.NewNull(), nil
	}
	return nil, fmt.Errorf("machine: %q is not known", c.Machine)
}

// opened makes no machine of a nil pointer.
func opened[M machine](m M, err error) (machine, error) {
	if err != nil {
		return nil, fmt.Errorf("open state machine: %w", err)
	}
	return m, nil
}

// openSnapshots opens the folder of snapshots. One that was received belongs to the log that it came with:
// when that was in memory, it is gone.
func openSnapshots(c Config, faults *faultfs.FS) (replica.Snapshots, error) {
	dir := storage.SnapshotDir(c.DataDir)
	if c.LogStorage == StorageMem {
		if err := os.RemoveAll(dir); err != nil {
			return nil, fmt.Errorf("remove snapshots: %w", err)
		}
	}
	o := snapshot.Options{Dir: dir, Logger: c.Logger}
	if faults != nil {
		o.FS = faults
	}
	folder, err := snapshot.Open(o)
	if err != nil {
		return nil, err
	}
	return folder, nil
}

func (p *parts) newTransport(c Config) (replica.Transport, error) {
	if c.Transport == TransportMem {
		return c.PeerTransport, nil
	}
	o := transport.Options{
		Self: c.Node, Cluster: c.Cluster, Listen: c.PeerListen, Advertise: c.advertise(),
		Incarnation: p.life.Incarnation, Nonce: p.life.Nonce, Previous: p.life.Previous, Disk: p.life.Disk,
		Admit:           p.gate.greeted,
		Insecure:        c.Insecure,
		DeadPeerTimeout: c.DeadPeerTimeout, Congestion: c.Congestion,
		AppendStreams: c.AppendStreams, HeartbeatDatagrams: c.HeartbeatDatagrams,
		Peers: make(map[raft.NodeID]string, len(c.Peers)), Logger: c.Logger,
	}
	for id, peer := range c.Peers {
		if id != c.Node {
			o.Peers[id] = peer.Peer
		}
	}
	if c.Transport != TransportTCP {
		id, err := identity.Open(identity.Options{Files: identity.FilesIn(c.TLSDir, c.Node), Logger: c.Logger})
		if err != nil {
			return nil, ConfigError{fmt.Errorf("tls_dir: %w", err)}
		}
		o.Identity, p.identity = id, id
	}
	var t replica.Transport
	var err error
	if o.Faults, err = p.openLinks(c); err != nil {
		return nil, err
	}
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
	if p.snapshots != nil {
		errs = append(errs, p.snapshots.Close())
	}
	if p.log != nil {
		errs = append(errs, p.log.Close())
	}
	return errors.Join(append(errs, p.release())...)
}

// release gives up what the replica does not close.
func (p *parts) release() error {
	errs := []error{p.links.Close()}
	if p.identity != nil {
		errs = append(errs, p.identity.Close())
	}
	if p.claim != nil {
		errs = append(errs, p.claim.Close())
	}
	return errors.Join(errs...)
}

// stateHash is the machine's hash at an index.
type stateHash struct {
	index raft.Index
	sum   string
}

// stateHash reads the whole state; it may be called beside everything else.
func (p *parts) stateHash() (stateHash, error) {
	index, sum, err := p.machine.Hash()
	return stateHash{index: index, sum: sum.String()}, err
}
