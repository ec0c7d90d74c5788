package page

import (
	"fmt"
	"html"
	"regexp"
	"strings"

	"github.com/raftmark/raftmark/reports/plot"
)

// writer collects a page.
type writer struct {
	strings.Builder
	level int // of the heading that the next section has
	// vectorsOnly: no PNG is beside the figures.
	vectorsOnly bool
	tables      map[string]int // how many tables had this caption
}

func (w *writer) printf(format string, args ...any) { fmt.Fprintf(w, format, args...) }

// HTML writes the page.
func HTML(d Document) string {
	w := &writer{level: 2, vectorsOnly: d.VectorsOnly, tables: map[string]int{}}
	light, dark := plot.StyleSheet()
	w.printf("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
	w.printf("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
	w.printf("<meta name=\"color-scheme\" content=\"light dark\">\n<title>%s</title>\n", html.EscapeString(titleOf(d)))
	w.printf("<link rel=\"icon\" href=\"data:,\">\n<style>\n%s</style>\n</head>\n<body>\n",
		strings.NewReplacer("/*light*/", light, "/*dark*/", dark).Replace(styleSheet))
	w.printf("<a class=\"skip\" href=\"#main\">Skip to the findings</a>\n")
	w.head(d)
	w.printf("<main id=\"main\">\n")
	w.verdict(d)
	w.contents(d)
	for _, s := range d.Sections {
		w.section(s)
	}
	w.printf("</main>\n<footer><p>Made by <code>raftmark</code> from the files of result directories only. "+
		"No number on this page was typed by hand.</p></footer>\n<script>\n%s</script>\n</body>\n</html>\n", script)
	return w.String()
}

func titleOf(d Document) string {
	if d.Stamp != "" {
		return d.Stamp + ": " + d.Title
	}
	return d.Title
}

func (w *writer) head(d Document) {
	w.printf("<header>\n<h1>%s</h1>\n", inline(d.Title))
	if d.Question != "" {
		w.printf("<p class=\"question\">%s</p>\n", inline(d.Question))
	}
	w.printf("<ul class=\"facts\">\n")
	for _, f := range d.Facts {
		w.printf("<li><span>%s</span> %s</li>\n", inline(f.Name), inline(f.Value))
	}
	w.printf("</ul>\n<section aria-label=\"Validity\">\n<ul class=\"badges\">\n")
	for _, b := range d.Badges {
		w.printf("<li%s><span>%s</span> <b>%s</b></li>\n", class(string(b.Tone)), inline(b.Name), inline(b.Value))
	}
	w.printf("</ul>\n</section>\n</header>\n")
}

func (w *writer) verdict(d Document) {
	if d.Stamp != "" {
		w.printf("<section class=\"stamp\" role=\"alert\" aria-labelledby=\"stamp\">\n<h2 "+
			"id=\"stamp\">%s</h2>\n<ul>\n", inline(d.Stamp))
		for _, reason := range d.Reasons {
			w.printf("<li>%s</li>\n", inline(reason))
		}
		w.printf("</ul>\n</section>\n")
	}
	if len(d.Warnings) > 0 {
		w.printf("<section class=\"stamp\" role=\"alert\" aria-labelledby=\"warnings\">\n<h2 " +
			"id=\"warnings\">NOT DURABLE</h2>\n<ul>\n")
		for _, warning := range d.Warnings {
			w.printf("<li>%s</li>\n", inline(warning))
		}
		w.printf("</ul>\n</section>\n")
	}
	w.printf("<section class=\"verdict%s\" aria-labelledby=\"verdict\">\n<h2 id=\"verdict\">Verdict</h2>\n", stampClass(d))
	for _, line := range d.Verdict {
		w.printf("<p>%s</p>\n", inline(line))
	}
	w.printf("</section>\n")
}

func stampClass(d Document) string {
	if d.Stamp != "" {
		return " void"
	}
	return ""
}

func (w *writer) contents(d Document) {
	w.printf("<nav aria-label=\"contents\"><ul>\n")
	for _, s := range d.Sections {
		w.printf("<li><a href=\"#%s\">%s</a></li>\n", html.EscapeString(s.ID), inline(s.Title))
	}
	w.printf("</ul></nav>\n")
}

func (w *writer) section(s Section) {
	level := min(w.level, 6)
	w.printf("<section aria-labelledby=\"%s\">\n<h%d id=\"%s\">%s</h%d>\n", html.EscapeString(s.ID), level,
		html.EscapeString(s.ID), inline(s.Title), level)
	for _, b := range s.Blocks {
		b.html(w)
	}
	w.level++
	for _, sub := range s.Sections {
		w.section(sub)
	}
	w.level--
	w.printf("</section>\n")
}

func (p Paragraph) html(w *writer) { w.printf("<p>%s</p>\n", inline(string(p))) }

func (l List) html(w *writer) {
	tag := "ul"
	if l.Ordered {
		tag = "ol"
	}
	w.printf("<%s>\n", tag)
	for _, item := range l.Items {
		w.printf("<li>%s</li>\n", inline(item))
	}
	w.printf("</%s>\n", tag)
}

func (c Code) html(w *writer) {
	w.printf("<pre class=\"scroll\" tabindex=\"0\"><code>%s</code></pre>\n", html.EscapeString(string(c)))
}

func (l Links) html(w *writer) {
	w.printf("<ul class=\"links\">\n")
	for _, link := range l {
		w.printf("<li><a href=\"%s\">%s</a></li>\n", html.EscapeString(link.Href), inline(link.Text))
	}
	w.printf("</ul>\n")
}

func (d Details) html(w *writer) {
	w.printf("<details>\n<summary>%s</summary>\n", inline(d.Summary))
	for _, b := range d.Blocks {
		b.html(w)
	}
	w.printf("</details>\n")
}

// html numbers what has the caption of a table above: who hears the page could not tell them apart.
func (t Table) html(w *writer) {
	label := t.Caption
	w.tables[t.Caption]++
	if n := w.tables[t.Caption]; n > 1 {
		label = fmt.Sprintf("%s (%d)", label, n)
	}
	w.WriteString(t.HTMLCalled(label))
}

func (f Figure) html(w *writer) {
	name := html.EscapeString(f.Name)
	w.printf("<figure id=\"fig-%s\">\n<div class=\"wide\">%s</div>\n<div "+
		"class=\"narrow\">%s</div>\n<figcaption>\n<p>%s</p>\n",
		name, f.Inline(plot.Wide), f.Inline(plot.Narrow), inline(f.Caption))
	w.printf("<p><b>How to read it.</b> %s</p>\n<p><b>What it does not show.</b> %s</p>\n", inline(f.How), inline(f.Not))
	pixels := ""
	if !w.vectorsOnly {
		pixels = fmt.Sprintf("<a href=\"figures/%s.png\">PNG</a>, ", name)
	}
	w.printf("<p class=\"files\">Files: <a href=\"figures/%[1]s.svg\">SVG</a>, %[2]s"+
		"<a href=\"figures/%[1]s.csv\">data</a></p>\n</figcaption>\n</figure>\n", name, pixels)
}

func class(name string) string {
	if name == "" {
		return ""
	}
	return " class=\"" + html.EscapeString(name) + "\""
}

// beforeUnit finds the space that would leave a number at the end of a line and its unit on the next.
var beforeUnit = regexp.MustCompile(`(\d) (µs|ms\b|s\b|%|B\b|CPUs\b)`)

// inline escapes text and turns what is between backquotes into code.
func inline(text string) string {
	parts := strings.Split(text, "`")
	if len(parts)%2 == 0 { // an odd backquote is a character
		return html.EscapeString(text)
	}
	var b strings.Builder
	for i, part := range parts {
		if i%2 == 0 {
			part = beforeUnit.ReplaceAllString(part, "$1\u00a0$2")
		}
		if i%2 == 1 {
			b.WriteString("<code>" + html.EscapeString(part) + "</code>")
			continue
		}
		b.WriteString(html.EscapeString(part))
	}
	return b.String()
}
