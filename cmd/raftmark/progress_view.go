package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/raftmark/raftmark/bench"
)

// The forms of progress.
const (
	progressAuto  = "auto" // one line that is rewritten on a terminal, else plain
	progressPlain = "plain"
	progressJSON  = "json"
)

// progressView shows updates of an experiment.
type progressView struct {
	out     io.Writer
	form    string
	rewrite bool
	shown   bool // a line that is to be rewritten stands
}

func newProgressView(out io.Writer, form string, quiet bool) *progressView {
	if quiet {
		return &progressView{out: io.Discard, form: progressPlain}
	}
	v := &progressView{out: out, form: form}
	if file, ok := out.(*os.File); ok && form == progressAuto {
		v.rewrite = term.IsTerminal(int(file.Fd()))
	}
	return v
}

// update shows one update. What cannot be written is nobody's concern.
func (v *progressView) update(u bench.Update) {
	switch {
	case v.form == progressJSON:
		line, err := json.Marshal(u)
		if err == nil {
			fmt.Fprintf(v.out, "%s\n", line)
		}
	case v.rewrite && u.Note == "":
		fmt.Fprintf(v.out, "\r\x1b[K%s", v.fit(u.String()))
		v.shown = true
	default:
		v.clear()
		fmt.Fprintln(v.out, u.String())
	}
}

// fit cuts a line to the terminal's width, so that the next one can replace it.
func (v *progressView) fit(line string) string {
	width := 80
	if file, ok := v.out.(*os.File); ok {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 1 {
			width = columns
		}
	}
	if runes := []rune(line); len(runes) >= width {
		return string(runes[:width-1])
	}
	return line
}

// clear takes a line that is to be rewritten away.
func (v *progressView) clear() {
	if v.shown {
		fmt.Fprint(v.out, "\r\x1b[K")
		v.shown = false
	}
}
