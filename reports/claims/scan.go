package claims

import (
	"fmt"
	"strings"
)

// The marks.
const (
	opening = "<!--"
	closing = "-->"
	ending  = "<!-- /claim -->"
)

// document is what a file says of claims.
type document struct {
	sources []definition
	claims  []claim
}

// definition is a line of a "claims:" comment.
type definition struct {
	line       int
	name, from string
}

// claim is a template and the text that it is for.
type claim struct {
	line     int    // of the first mark
	template string // an expression in braces, or several with text between them
	block    bool   // its marks are on lines of their own
	from, to int    // of the text in the file
	text     string
}

// scanner goes through a file once.
type scanner struct {
	text string
	at   int
	doc  document
}

// scan finds the marks of a file.
func scan(text string) (*document, error) {
	s := &scanner{text: text}
	for s.at < len(s.text) {
		if fence := s.fence(); fence != "" {
			s.skipFence(fence)
			continue
		}
		if err := s.scanLine(); err != nil {
			return nil, err
		}
	}
	return &s.doc, nil
}

// lineEnd returns where the line that holds at ends, its newline included.
func (s *scanner) lineEnd() int {
	if n := strings.IndexByte(s.text[s.at:], '\n'); n >= 0 {
		return s.at + n + 1
	}
	return len(s.text)
}

// fence returns the fence that the line begins, "" when it begins none.
func (s *scanner) fence() string {
	line := strings.TrimLeft(s.text[s.at:s.lineEnd()], " ")
	for _, mark := range []string{"`", "~"} {
		if n := len(line) - len(strings.TrimLeft(line, mark)); n >= 3 {
			return strings.Repeat(mark, n)
		}
	}
	return ""
}

func (s *scanner) skipFence(fence string) {
	s.at = s.lineEnd()
	for s.at < len(s.text) {
		line := strings.TrimSpace(s.text[s.at:s.lineEnd()])
		s.at = s.lineEnd()
		if strings.HasPrefix(line, fence) && strings.Trim(line, fence[:1]) == "" {
			return
		}
	}
}

// scanLine looks at the comments that begin in one line.
func (s *scanner) scanLine() error {
	for {
		end := s.lineEnd()
		n := strings.Index(s.text[s.at:end], opening)
		if n < 0 {
			s.at = end
			return nil
		}
		begin := s.at + n
		line := 1 + strings.Count(s.text[:begin], "\n")
		length := strings.Index(s.text[begin:], closing)
		if length < 0 {
			return fmt.Errorf("line %d: a comment has no end", line)
		}
		s.at = begin + length + len(closing)
		if err := s.comment(line, s.text[begin+len(opening):begin+length]); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}

func (s *scanner) comment(line int, content string) error {
	word := strings.TrimLeft(content, " \n")
	if rest, ok := strings.CutPrefix(word, "claims:"); ok {
		return s.define(line, rest)
	}
	if rest, ok := strings.CutPrefix(word, "claim:"); ok {
		return s.claim(line, rest)
	}
	for _, near := range []string{"claim", "/claim"} {
		if strings.HasPrefix(strings.ToLower(word), near) {
			return fmt.Errorf("%q is no mark: they are claims:, claim: and, after one, %s", strings.TrimSpace(content), ending)
		}
	}
	return nil
}

func (s *scanner) define(line int, list string) error {
	for i, text := range strings.Split(list, "\n") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		name, from, ok := strings.Cut(text, "=")
		name, from = strings.TrimSpace(name), strings.TrimSpace(from)
		if !ok || !isName(name) || from == "" {
			return fmt.Errorf("%q is not NAME = PATH", text)
		}
		s.doc.sources = append(s.doc.sources, definition{line: line + i, name: name, from: from})
	}
	return nil
}

func (s *scanner) claim(line int, template string) error {
	length := strings.Index(s.text[s.at:], ending)
	if length < 0 {
		return fmt.Errorf("a claim has no %s", ending)
	}
	c := claim{line: line, from: s.at, to: s.at + length, text: s.text[s.at : s.at+length]}
	if strings.Contains(c.text, "<!-- claim") {
		return fmt.Errorf("another claim begins before %s", ending)
	}
	if rest, ok := strings.CutPrefix(strings.TrimLeft(template, " "), "\n"); ok {
		c.block, c.template = true, strings.TrimSuffix(rest, "\n")
	} else {
		c.template = "{" + strings.TrimSpace(template) + "}"
	}
	s.doc.claims = append(s.doc.claims, c)
	s.at = c.to + len(ending)
	return nil
}

// isName says whether text may name a source.
func isName(text string) bool {
	if text == "" {
		return false
	}
	for i, r := range text {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return true
}
