package raft

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The one encoding of a configuration, as the data of an EntryConfig, in snapshots and on disk:
//
//	| version 1 B | last ID uv | count uv | members: ID uv | flags 1 B | priority 1 B | length uv | address |
//
// where uv is an unsigned varint and the flags are 1 voter, 2 outgoing, 4 learner.
const (
	configurationVersion = 1

	memberVoter    = 1
	memberOutgoing = 2
	memberLearner  = 4
)

// ErrConfigurationEncoding is wrapped by every error of [DecodeConfiguration].
var ErrConfigurationEncoding = errors.New("malformed configuration")

// AppendTo appends the encoding of c to dst and returns the extended slice.
func (c Configuration) AppendTo(dst []byte) []byte {
	dst = append(dst, configurationVersion)
	dst = binary.AppendUvarint(dst, uint64(c.LastID))
	dst = binary.AppendUvarint(dst, uint64(len(c.Members)))
	for i := range c.Members {
		m := &c.Members[i]
		var flags byte
		if m.Voter {
			flags |= memberVoter
		}
		if m.Outgoing {
			flags |= memberOutgoing
		}
		if m.Learner {
			flags |= memberLearner
		}
		dst = binary.AppendUvarint(dst, uint64(m.ID))
		dst = append(dst, flags, m.Priority)
		dst = binary.AppendUvarint(dst, uint64(len(m.Address)))
		dst = append(dst, m.Address...)
	}
	return dst
}

// DecodeConfiguration decodes a configuration that fills src exactly, and validates it. Nothing is allocated on the
// word of src.
func DecodeConfiguration(src []byte) (Configuration, error) {
	d := configurationDecoder{rest: src}
	var c Configuration
	if v := d.byte(); v != configurationVersion && d.err == nil {
		return c, fmt.Errorf("%w: version %d, want %d", ErrConfigurationEncoding, v, configurationVersion)
	}
	c.LastID = NodeID(d.uvarint())
	count := d.uvarint()
	if count > MembersMax {
		return Configuration{}, fmt.Errorf("%w: %d members, at most %d", ErrConfigurationEncoding, count, MembersMax)
	}
	for i := uint64(0); i < count && d.err == nil; i++ {
		m := Member{ID: NodeID(d.uvarint())}
		flags := d.byte()
		if flags >= 2*memberLearner {
			return Configuration{}, fmt.Errorf("%w: flags %#x", ErrConfigurationEncoding, flags)
		}
		m.Voter, m.Outgoing, m.Learner = flags&memberVoter != 0, flags&memberOutgoing != 0, flags&memberLearner != 0
		m.Priority = d.byte()
		m.Address = string(d.bytes(d.uvarint()))
		c.Members = append(c.Members, m)
	}
	if d.err == nil && len(d.rest) > 0 {
		d.err = fmt.Errorf("%w: %d bytes after the last member", ErrConfigurationEncoding, len(d.rest))
	}
	if d.err != nil {
		return Configuration{}, d.err
	}
	if err := c.Validate(); err != nil {
		return Configuration{}, fmt.Errorf("%w: %w", ErrConfigurationEncoding, err)
	}
	return c, nil
}

// configurationDecoder reads from rest until the first error.
type configurationDecoder struct {
	rest []byte
	err  error
}

func (d *configurationDecoder) fail() {
	if d.err == nil {
		d.err = fmt.Errorf("%w: cut off", ErrConfigurationEncoding)
	}
	d.rest = nil
}

func (d *configurationDecoder) byte() byte {
	if b := d.bytes(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (d *configurationDecoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *configurationDecoder) bytes(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.fail()
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}
