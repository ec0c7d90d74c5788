package page

import (
	"github.com/raftmark/raftmark/reports/plot"
	"github.com/raftmark/raftmark/reports/table"
)

// Document is a report.
type Document struct {
	Title    string
	Question string // what the run asks, in one sentence
	Facts    []Fact // date, commit, and the like, below the title
	Badges   []Badge
	// Stamp is INVALID or UNSAFE, and empty when the result holds; Reasons say why.
	Stamp   string
	Reasons []string
	// Warnings are what nobody may miss although the result holds: they stand before the findings.
	Warnings []string
	Verdict  []string // the findings, each a short paragraph
	Sections []Section
	// VectorsOnly says that the figures have no PNG beside them.
	VectorsOnly bool
}

// Fact is a name and its value.
type Fact struct{ Name, Value string }

// Badge is a fact with a judgement.
type Badge struct {
	Name, Value string
	Tone        table.Tone
}

// Section is a part of the document with a heading.
type Section struct {
	ID, Title string
	Blocks    []Block
	Sections  []Section
}

// Block is one of the types named in the package comment.
type Block interface {
	html(w *writer)
	markdown(w *writer)
}

// Paragraph is a paragraph.
type Paragraph string

// List is a list of items.
type List struct {
	Ordered bool
	Items   []string
}

// Code is text to be copied or read as it is.
type Code string

// Links leads to files beside the page.
type Links []Link

// Link is one file, relative to the page.
type Link struct{ Href, Text string }

// Details is closed until the reader opens it.
type Details struct {
	Summary string
	Blocks  []Block
}

// Figure is a picture with what a reader needs to read it.
type Figure struct {
	plot.Figure
	Caption string // what it is, units, n and window
	How     string // how to read it
	Not     string // what it does not show
}

// Table is a table.
type Table struct{ *table.Table }
