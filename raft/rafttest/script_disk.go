package rafttest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/raftmark/raftmark/raft"
)

// parseDisk reads "1: term=4 vote=2 commit=1 log=1,1c(1 2 +3),4".
func parseDisk(line string) (raft.NodeID, Disk, error) {
	name, rest, _ := strings.Cut(line, ":")
	id, err := parseNode(strings.TrimSpace(name))
	if err != nil {
		return 0, Disk{}, err
	}
	var d Disk
	for _, word := range splitOutside(rest, ' ') {
		key, value, _ := strings.Cut(word, "=")
		if key == "log" {
			if err := d.parseLog(value); err != nil {
				return 0, Disk{}, err
			}
			continue
		}
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return 0, Disk{}, err
		}
		switch key {
		case "term":
			d.HardState.Term = raft.Term(n)
		case "vote":
			d.HardState.Vote = raft.NodeID(n)
		case "commit":
			d.HardState.Commit = raft.Index(n)
		default:
			return 0, Disk{}, fmt.Errorf("unknown field %q", key)
		}
	}
	return id, d, nil
}

// parseLog reads the terms of entries, and configurations: "1,1c(1 2 +3),4".
func (d *Disk) parseLog(value string) error {
	d.Configurations = map[raft.Index]raft.Configuration{}
	var last raft.NodeID
	for _, word := range splitOutside(value, ',') {
		number, members, isConfig := strings.Cut(word, "c(")
		term, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			return err
		}
		d.Terms = append(d.Terms, raft.Term(term))
		if !isConfig {
			continue
		}
		c, err := parseConfiguration(strings.TrimSuffix(members, ")"))
		if err != nil {
			return err
		}
		last = max(last, c.LastID)
		c.LastID = last
		d.Configurations[raft.Index(len(d.Terms))] = c
	}
	return nil
}

// parseConfiguration reads what [raft.Configuration.String] writes, with > for the arrow: "1 2 +4" or "1 2 3 > 1 4 5".
func parseConfiguration(text string) (raft.Configuration, error) {
	var c raft.Configuration
	old, next, joint := strings.Cut(text, ">")
	if !joint {
		old, next = "", old
	}
	add := func(word string, set func(*raft.Member)) error {
		id, err := parseNode(strings.TrimPrefix(word, "+"))
		if err != nil {
			return err
		}
		i := slices.IndexFunc(c.Members, func(m raft.Member) bool { return m.ID == id })
		if i < 0 {
			i = len(c.Members)
			c.Members = append(c.Members, raft.Member{ID: id})
		}
		set(&c.Members[i])
		c.LastID = max(c.LastID, id)
		return nil
	}
	for _, word := range strings.Fields(old) {
		if err := add(word, func(m *raft.Member) { m.Outgoing = true }); err != nil {
			return c, err
		}
	}
	for _, word := range strings.Fields(next) {
		learner := strings.HasPrefix(word, "+")
		if err := add(word, func(m *raft.Member) { m.Learner, m.Voter = learner, !learner }); err != nil {
			return c, err
		}
	}
	slices.SortFunc(c.Members, func(a, b raft.Member) int { return int(a.ID) - int(b.ID) })
	return c, c.Validate()
}

// splitOutside cuts text at a separator where that is not in parentheses, and drops what is empty.
func splitOutside(text string, separator rune) []string {
	depth := 0
	return strings.FieldsFunc(text, func(r rune) bool {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		}
		return (r == separator || r == '\n') && depth == 0
	})
}
