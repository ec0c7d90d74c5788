package rafttest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// RunScript runs a whole file of raft/testdata: directives with their input, a line of four dashes, and what was once
// printed, which is not looked at. It returns the first breach of what must always hold.
func RunScript(s *Script, r io.Reader) error {
	lines := bufio.NewScanner(r)
	var directive, input []string
	printed, ran := false, 0
	for number := 1; lines.Scan(); number++ {
		line := lines.Text()
		switch {
		case strings.TrimSpace(line) == "":
			printed = false
		case printed || strings.HasPrefix(line, "#"):
		case line == "----":
			if directive == nil {
				return fmt.Errorf("line %d: dashes without a directive above", number)
			}
			if _, err := s.Run(directive[0], directive[1:], strings.Join(input, "")); err != nil {
				return fmt.Errorf("line %d: %w", number, err)
			}
			directive, input, printed = nil, nil, true
			ran++
		case directive == nil:
			directive = strings.Fields(line)
		default:
			input = append(input, line+"\n")
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if directive != nil {
		return fmt.Errorf("%q is not followed by a line of four dashes", strings.Join(directive, " "))
	}
	if ran == 0 || s.cluster == nil {
		return errors.New("no directive: the file is no script")
	}
	return s.cluster.Err()
}
