package progress

import "github.com/raftmark/raftmark/internal/invariant"

// State is how the leader sends to the follower.
type State uint8

// The states.
const (
	Probe State = iota
	Replicate
	Snapshot
)

// String returns the state's name.
func (s State) String() string { return [...]string{"probe", "replicate", "snapshot"}[s] }

// Progress is one follower as its leader sees it. The zero value is not useful; see [New].
type Progress struct {
	// Match is matchIndex: the highest entry known to be durable on the follower and equal to ours.
	Match uint64
	// Next is nextIndex: the next entry to send.
	Next  uint64
	State State
	// Window holds the messages in flight in Replicate.
	Window Window
	// Probing says that a message is in flight in Probe.
	Probing bool
	// Fetching says that the entries from Next on are being read from storage for the follower.
	Fetching bool
	// Ask says that a message without entries is owed, to find out whether those in flight were lost.
	Ask bool
	// Active says that the follower was heard from since the last check of the quorum (thesis §6.2), and WasActive
	// that it had been before that.
	Active, WasActive bool

	askedAtMatch uint64 // Match when Ask was considered last
}

// New returns the progress of a follower at the start of a term: nothing known, next to be sent is the
// entry after last.
func New(last uint64, messagesMax, bytesMax int) Progress {
	return Progress{Next: last + 1, State: Probe, Window: NewWindow(messagesMax, bytesMax)}
}

// Sent records a message with entries up to last, bytes large, or one without entries when last < Next.
func (p *Progress) Sent(last uint64, bytes int) {
	switch p.State {
	case Probe:
		p.Probing = true
	case Replicate:
		if last >= p.Next {
			p.Window.Add(last, bytes)
			p.Next = last + 1
		}
	case Snapshot:
	}
	p.Ask = false
	p.check()
}

// CanSend reports whether a message with entries may be sent now.
func (p *Progress) CanSend() bool {
	switch {
	case p.Fetching || p.State == Snapshot:
		return false
	case p.State == Probe:
		return !p.Probing
	default:
		return !p.Window.Full()
	}
}

// Accepted takes an acknowledgement up to match and reports whether Match rose. A stale one changes nothing
// but the window.
func (p *Progress) Accepted(match uint64) bool {
	rose := match > p.Match
	if rose {
		p.Match = match
	}
	next := p.Next
	if p.State == Probe && match >= p.Match {
		p.becomeReplicate()
	}
	p.Next = max(p.Next, p.Match+1)
	if p.Next != next {
		p.Fetching = false // what is being read is no longer what comes next
	}
	p.Window.FreeUpto(p.Match)
	p.check()
	return rose
}

// Rejected takes the refusal of a message whose previous entry was at rejected, with a hint of where the
// logs may agree, and reports whether it was news: a stale refusal, of a message sent before what is known
// now, changes nothing.
func (p *Progress) Rejected(rejected, hint uint64) bool {
	switch p.State {
	case Replicate:
		if rejected <= p.Match || rejected >= p.Next {
			return false
		}
	case Probe:
		if rejected != p.Next-1 {
			return false
		}
	case Snapshot:
		return false
	}
	next := max(min(rejected, hint+1), p.Match+1)
	p.becomeProbe(next)
	p.check()
	return true
}

// Heard takes any sign of life that is not an acknowledgement, such as the reply to a heartbeat. When nothing was
// acknowledged since the last sign although messages are in flight, the follower is asked with a message without
// entries, so that a probe, or a window whose messages were all lost, cannot wedge. Its answer waits for the same disk
// as theirs: a follower that is only slow is not sent entries twice.
func (p *Progress) Heard() {
	p.Active = true
	stuck := p.Match == p.askedAtMatch
	p.askedAtMatch = p.Match
	switch p.State {
	case Probe:
		p.Ask = p.Probing
	case Replicate:
		p.Ask = p.Ask || (stuck && !p.Window.Empty())
	case Snapshot:
	}
}

// CheckActive reports whether the follower was heard from since the last call.
func (p *Progress) CheckActive() bool {
	p.WasActive, p.Active = p.Active, false
	return p.WasActive
}

// RecentlyActive reports whether the follower was heard from lately.
func (p *Progress) RecentlyActive() bool { return p.Active || p.WasActive }

// BecomeSnapshot says that the follower needs entries that are no longer in the log: it gets none until it has a
// snapshot.
func (p *Progress) BecomeSnapshot() {
	p.becomeProbe(p.Match + 1)
	p.State = Snapshot
	p.check()
}

// Adapt widens or narrows an adaptive window after an acknowledgement: a follower that lags the fastest one, which has
// reached fastest, is allowed more in flight; one that keeps pace is led towards larger batches.
func (p *Progress) Adapt(fastest uint64) {
	if p.Match < fastest {
		p.Window.Widen()
	} else {
		p.Window.shrink()
	}
}

// FallBack forgets what is in flight and begins again after Match.
func (p *Progress) FallBack() {
	p.becomeProbe(p.Match + 1)
	p.check()
}

func (p *Progress) becomeReplicate() {
	p.State = Replicate
	p.Probing = false
	p.Ask = false
	p.Next = p.Match + 1
	p.Window.Reset()
}

func (p *Progress) becomeProbe(next uint64) {
	p.State = Probe
	p.Probing = false
	p.Fetching = false
	p.Ask = false
	p.Next = next
	p.Window.Reset()
	p.Window.Narrow()
}

func (p *Progress) check() {
	invariant.Check2(p.Match < p.Next, "match %d, next %d", p.Match, p.Next)
	invariant.Check2(p.Window.Empty() || p.Window.Last() < p.Next, "in flight %d, next %d", p.Window.Last(), p.Next)
	invariant.Check1(p.State == Replicate || p.Window.Empty(), "messages in flight in state %v", p.State)
}
