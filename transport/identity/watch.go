package identity

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of Options.RereadInterval.
const (
	RereadIntervalMin = 10 * time.Millisecond
	RereadIntervalMax = 24 * time.Hour
)

// ErrNoFiles says that an identity is of no files that could be read again.
var ErrNoFiles = errors.New("identity is of no files")

// Options say where an identity comes from. The zero value of a field means its default.
type Options struct {
	// Files are where it is. Required.
	Files Files
	// RereadInterval is how often the files are read again, 10ms to 24h. Lower, a new or a revoked certificate counts
	// sooner, and a few small files are read more often. Default 2s.
	RereadInterval time.Duration
	// Logger takes what happens to the certificates; nil discards it.
	Logger *slog.Logger
}

// WithDefaults returns a copy in which each zero field has its default.
func (o Options) WithDefaults() Options {
	if o.RereadInterval == 0 {
		o.RereadInterval = 2 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Validate returns all faults of options that have their defaults.
func (o Options) Validate() error {
	var faults []error
	for _, f := range []struct{ field, name string }{
		{"Authority", o.Files.Authority}, {"Certificate", o.Files.Certificate}, {"Key", o.Files.Key},
	} {
		if f.name == "" {
			faults = append(faults, fmt.Errorf("Files.%s is empty: want a file", f.field))
		}
	}
	if o.RereadInterval < RereadIntervalMin || o.RereadInterval > RereadIntervalMax {
		faults = append(faults, fmt.Errorf("RereadInterval = %v: want %v to %v",
			o.RereadInterval, RereadIntervalMin, RereadIntervalMax))
	}
	return errors.Join(faults...)
}

// source is where an identity comes from.
type source struct {
	options Options
	stop    chan struct{}
	stopped sync.Once
	done    chan struct{}

	rereads, failed atomic.Uint64

	mu   sync.Mutex
	used contents // that the identity is made of
	// broken are other contents that could not be used, and were seen that often; broke says why, once they were judged.
	broken    contents
	sightings int
	broke     error
	// shorter are contents whose list of revoked certificates has lost entries, seen once; nil when there are none.
	shorter *contents

	warned time.Time // of run only
}

// Open reads an identity from files and rereads them until Close: changed ones count from the next handshake on. What
// cannot be used is logged and counted, and the identity stays what it was. The files are read as a whole instead of
// watched or asked for on a signal: that works wherever the files are, is not deceived by times of modification
// that are kept or coarse, and does not depend on anybody who knows all processes.
func Open(o Options) (*Identity, error) {
	o = o.WithDefaults()
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("identity options: %w", err)
	}
	id, c, err := load(o.Files)
	if err != nil {
		return nil, err
	}
	id.source = &source{options: o, stop: make(chan struct{}), done: make(chan struct{}), used: c}
	id.source.warn(id)
	go id.source.run(id)
	return id, nil
}

// Close ends the rereading and returns when it has ended. The identity can still be used.
func (id *Identity) Close() error {
	if s := id.source; s != nil {
		s.stopped.Do(func() { close(s.stop) })
		<-s.done
	}
	return nil
}

func (s *source) run(id *Identity) {
	defer close(s.done)
	tick := time.NewTicker(s.options.RereadInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			_, _ = s.reread(id, false)
			s.warn(id)
		}
	}
}

// Reread reads the files now, whenever they are read by themselves. It reports whether they have changed, and returns
// why they cannot be used, or not yet.
func (id *Identity) Reread() (changed bool, err error) {
	if id.source == nil {
		return false, ErrNoFiles
	}
	return id.source.reread(id, true)
}

// errShorter says that a list of revoked certificates has lost entries, and may be about to get them back.
var errShorter = errors.New("the list of revoked certificates has lost entries: it counts when it is read again")

// errVanished says that a list of revoked certificates is gone, which says nothing about who may connect.
var errVanished = errors.New("the list of revoked certificates has vanished: want an empty file when none is revoked")

// reread makes the identity what the files say, if that has changed. Files that cannot be used are judged at once or
// when they are seen for the second time: they may be about to be replaced one after the other. For the same reason a
// list of revoked certificates that has lost entries counts only when it is seen for the second time, at once or not.
func (s *source) reread(id *Identity, atOnce bool) (changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.options.Files.read()
	if err == nil && c.equal(s.used) {
		s.broken, s.sightings, s.broke, s.shorter = contents{}, 0, nil, nil
		return false, nil
	}
	var next *state
	if err == nil {
		next, err = s.usable(id, c)
	}
	lost := 0
	if err == nil {
		was, _ := parseRevoked(s.used.revoked) // it was used
		if lost = was.lost(&next.revoked); lost > 0 && (s.shorter == nil || !s.shorter.equal(c)) {
			s.broken, s.sightings, s.broke, s.shorter = contents{}, 0, nil, &c
			return false, errShorter
		}
	}
	s.shorter = nil
	if err == nil {
		s.used, s.broken, s.sightings, s.broke = c, contents{}, 0, nil
		s.rereads.Add(1)
		id.changing.Lock()
		id.become(next)
		id.changing.Unlock()
		if lost > 0 {
			s.options.Logger.Warn("the list of revoked certificates has lost entries: they are accepted again",
				"node", uint64(id.node), "lost", lost, "revoked", next.revoked.len())
		}
		s.options.Logger.Info("certificates reread", "node", uint64(id.node), "serial", Serial(next.pair.Leaf),
			"not_after", next.pair.Leaf.NotAfter, "authorities", len(next.authorities), "revoked", next.revoked.len())
		if next.revoked.has(next.pair.Leaf) {
			s.options.Logger.Error("this node's certificate is revoked", "node", uint64(id.node),
				"serial", Serial(next.pair.Leaf))
		}
		return true, nil
	}
	s.judge(id, c, err, atOnce)
	return false, err
}

// judge counts contents that cannot be used, once each. s.mu is held.
func (s *source) judge(id *Identity, c contents, err error, atOnce bool) {
	if s.sightings == 0 || !s.broken.equal(c) {
		s.broken, s.sightings, s.broke = c, 0, nil
	}
	if s.sightings++; s.broke != nil || s.sightings == 1 && !atOnce {
		return
	}
	s.broke = err
	s.failed.Add(1)
	s.options.Logger.Error("new certificates cannot be used, the old ones stay", "node", uint64(id.node), "err", err)
}

// usable returns what the identity becomes with those contents, or why it cannot.
func (s *source) usable(id *Identity, c contents) (*state, error) {
	if c.revoked == nil && len(s.used.revoked) > 0 {
		return nil, fmt.Errorf("%s: %w", s.options.Files.Revoked, errVanished)
	}
	m, err := s.options.Files.parse(c)
	if err != nil {
		return nil, err
	}
	next, err := newState(m)
	if err != nil && reasonOf(err) != ReasonRevoked { // who is revoked must hear of the others that are
		return nil, fmt.Errorf("%s: %w", s.options.Files.Certificate, err)
	}
	if name := next.name(); name != PeerName(id.cluster, id.node) {
		return nil, fmt.Errorf("%s: is of %s of cluster %q, want node %d of cluster %q",
			s.options.Files.Certificate, name.label(), name.Cluster, id.node, id.cluster)
	}
	return next, nil
}

// warnInterval is how often it is said that a certificate ends soon.
const warnInterval = 12 * time.Hour

// warn says that the node's certificate ends soon: in the last tenth of its life, or that it has ended.
func (s *source) warn(id *Identity) {
	leaf := id.current.Load().pair.Leaf
	left := time.Until(leaf.NotAfter)
	if left > leaf.NotAfter.Sub(leaf.NotBefore)/10 || time.Since(s.warned) < warnInterval {
		return
	}
	s.warned = time.Now()
	s.options.Logger.Warn("this node's certificate ends soon or has ended: renew it with raftmark certs renew",
		"node", uint64(id.node), "not_after", leaf.NotAfter, "left", left.Round(time.Second).String())
}

// Status is what an identity is now.
type Status struct {
	Name   string `json:"name"`
	Serial string `json:"serial"`
	// NotBefore and NotAfter are when the certificate is valid.
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	// Authorities are the fingerprints of those that are trusted, and Revoked the number of certificates that are not.
	Authorities []string `json:"authorities"`
	Revoked     int      `json:"revoked"`
	// Rereads counts the changes that were taken over from the files, RereadsFailed those that could not be used; Broken
	// says why the files as they are now cannot.
	Rereads       uint64 `json:"rereads"`
	RereadsFailed uint64 `json:"rereads_failed"`
	Broken        string `json:"broken,omitempty"`
}

// Status returns what the identity is now.
func (id *Identity) Status() Status {
	now := id.current.Load()
	s := Status{
		Name: now.name().String(), Serial: Serial(now.pair.Leaf),
		NotBefore: now.pair.Leaf.NotBefore, NotAfter: now.pair.Leaf.NotAfter, Revoked: now.revoked.len(),
	}
	for _, authority := range now.authorities {
		s.Authorities = append(s.Authorities, Fingerprint(authority))
	}
	if from := id.source; from != nil {
		s.Rereads, s.RereadsFailed = from.rereads.Load(), from.failed.Load()
		from.mu.Lock()
		defer from.mu.Unlock()
		if from.broke != nil {
			s.Broken = from.broke.Error()
		}
	}
	return s
}
