package table

import (
	"fmt"
	"html"
	"strings"
	"unicode/utf8"
)

// Tone is how a cell is to be seen.
type Tone string

// The tones. The text of a cell says the same in words: no meaning is in the colour alone.
const (
	Plain   Tone = ""
	Missing Tone = "missing" // not observed, or too small a sample
	Good    Tone = "good"
	Bad     Tone = "bad"
)

// Cell is one value with its unit, as it is shown.
type Cell struct {
	Text string
	Tone Tone
	// Href is where the cell leads to, relative to the page; in text it is left out.
	Href string
	// Exact is the number that Text rounds, in the base unit of its kind, as decimal digits, and Unit that unit. A page
	// shows them when the pointer is on the cell and sorts by Exact. Empty where Text says it all.
	Exact, Unit string
}

// Of returns a plain cell.
func Of(text string) Cell { return Cell{Text: text} }

// Ofn returns a plain cell with formatted text.
func Ofn(format string, args ...any) Cell { return Cell{Text: fmt.Sprintf(format, args...)} }

// Column is the head of a column. Text is aligned left, numbers right.
type Column struct {
	Name string
	Text bool
}

// Table is a table.
type Table struct {
	Caption string
	Columns []Column
	Rows    [][]Cell
}

// Columns returns the columns of the names: the first is text, the others are numbers.
func Columns(first string, others ...string) []Column {
	columns := []Column{{Name: first, Text: true}}
	for _, name := range others {
		columns = append(columns, Column{Name: name})
	}
	return columns
}

// Add adds a row.
func (t *Table) Add(cells ...Cell) { t.Rows = append(t.Rows, cells) }

// Empty says whether the table has no row.
func (t *Table) Empty() bool { return len(t.Rows) == 0 }

func (t *Table) widths() []int {
	widths := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		widths[i] = utf8.RuneCountInString(c.Name)
	}
	for _, row := range t.Rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell.Text))
		}
	}
	return widths
}

func pad(text string, width int, left bool) string {
	fill := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
	if left {
		return text + fill
	}
	return fill + text
}

// Text writes the table for a terminal, without the caption.
func (t *Table) Text() string {
	widths := t.widths()
	var b strings.Builder
	line := func(text func(i int) string) {
		var cells []string
		for i, c := range t.Columns {
			cells = append(cells, pad(text(i), widths[i], c.Text))
		}
		b.WriteString(strings.TrimRight(strings.Join(cells, "  "), " ") + "\n")
	}
	line(func(i int) string { return t.Columns[i].Name })
	line(func(i int) string { return strings.Repeat("-", widths[i]) })
	for _, row := range t.Rows {
		line(func(i int) string { return row[i].Text })
	}
	return b.String()
}

// Markdown writes the table, with its caption as a line above.
func (t *Table) Markdown() string {
	widths := t.widths()
	escape := func(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
	var b strings.Builder
	if t.Caption != "" {
		b.WriteString("*" + t.Caption + "*\n\n")
	}
	b.WriteString("|")
	for i, c := range t.Columns {
		b.WriteString(" " + pad(escape(c.Name), widths[i], c.Text) + " |")
	}
	b.WriteString("\n|")
	for i, c := range t.Columns {
		rule := strings.Repeat("-", max(3, widths[i]+1))
		if c.Text {
			b.WriteString(" " + rule + "|")
		} else {
			b.WriteString(rule + ":|")
		}
	}
	b.WriteString("\n")
	for _, row := range t.Rows {
		b.WriteString("|")
		for i, cell := range row {
			text := escape(cell.Text)
			if cell.Tone == Bad {
				text = "**" + text + "**"
			}
			if cell.Href != "" {
				text = "[" + text + "](" + cell.Href + ")"
			}
			b.WriteString(" " + pad(text, widths[i], t.Columns[i].Text) + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// HTML writes the table in a box of its own that scrolls when the screen is narrow. The box can have the keyboard's
// focus. The caption is above the box, so that it is not scrolled away, and it is what the box is called.
func (t *Table) HTML() string { return t.HTMLCalled(t.Caption) }

// HTMLCalled writes the table as HTML does, with another name for the box: no two of a page may be called the same.
func (t *Table) HTMLCalled(label string) string {
	var b strings.Builder
	if label == "" {
		label = "table"
	}
	if t.Caption != "" {
		fmt.Fprintf(&b, "<p class=\"caption\">%s</p>\n", html.EscapeString(t.Caption))
	}
	fmt.Fprintf(&b, "<section class=\"scroll\" tabindex=\"0\" "+
		"aria-label=\"%s\">\n<table>\n", html.EscapeString(label))
	b.WriteString("<thead><tr>")
	for _, c := range t.Columns {
		fmt.Fprintf(&b, "<th scope=\"col\"%s>%s</th>", classOf(c, Plain), html.EscapeString(c.Name))
	}
	b.WriteString("</tr></thead>\n<tbody>\n")
	for _, row := range t.Rows {
		b.WriteString("<tr>")
		for i, cell := range row {
			tag := "td"
			attributes := classOf(t.Columns[i], cell.Tone)
			if i == 0 {
				tag, attributes = "th", " scope=\"row\""+attributes
			}
			if cell.Exact != "" {
				attributes += fmt.Sprintf(" title=\"%s\" data-value=\"%s\"",
					html.EscapeString(strings.TrimSpace(cell.Exact+" "+cell.Unit)), html.EscapeString(cell.Exact))
			}
			text := html.EscapeString(cell.Text)
			if cell.Href != "" {
				text = fmt.Sprintf("<a href=\"%s\">%s</a>", html.EscapeString(cell.Href), text)
			}
			fmt.Fprintf(&b, "<%s%s>%s</%s>", tag, attributes, text, tag)
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody>\n</table>\n</section>\n")
	return b.String()
}

func classOf(c Column, tone Tone) string {
	var classes []string
	if !c.Text {
		classes = append(classes, "num")
	}
	if tone != Plain {
		classes = append(classes, string(tone))
	}
	if len(classes) == 0 {
		return ""
	}
	return " class=\"" + strings.Join(classes, " ") + "\""
}
