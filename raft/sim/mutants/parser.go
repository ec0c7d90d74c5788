package mutants

import (
	"errors"
	"strings"
)

// parser reads mutants.txt line by line.
type parser struct {
	mutants []Mutant
	file    string
	fresh   bool // the next - or + begins an edit
}

func (p *parser) line(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case line == "" || strings.HasPrefix(line, "#"):
		return nil
	case word == "mutant":
		return p.mutant(strings.Fields(rest))
	case len(p.mutants) == 0:
		return errors.New("want a mutant first")
	}
	m := &p.mutants[len(p.mutants)-1]
	switch {
	case word == "rule":
		m.Rule = rest
	case word == "file":
		p.file, p.fresh = rest, true
	case line == "@@":
		p.fresh = true
	case line[0] == '-' || line[0] == '+':
		if p.fresh {
			m.Edits = append(m.Edits, Edit{File: p.file})
			p.fresh = false
		}
		e := &m.Edits[len(m.Edits)-1]
		if line[0] == '-' {
			e.Old += line[1:] + "\n"
		} else {
			e.New += line[1:] + "\n"
		}
	default:
		return errors.New("want mutant, rule, file, @@, - or +")
	}
	return nil
}

// mutant reads "NAME CLASS [scripted] [FOLDER ... FLAG ...]".
func (p *parser) mutant(words []string) error {
	if len(words) < 2 {
		return errors.New("want a name and a class")
	}
	m := Mutant{Name: words[0]}
	switch words[1] {
	case Safety.String():
		m.Class = Safety
	case Liveness.String():
		m.Class = Liveness
	case Checker.String():
		m.Class = Checker
	default:
		return errors.New("want safety, liveness or checker")
	}
	for _, word := range words[2:] {
		if word == "scripted" {
			m.Scripted = true
		} else {
			m.Tests = append(m.Tests, word)
		}
	}
	p.mutants = append(p.mutants, m)
	return nil
}
