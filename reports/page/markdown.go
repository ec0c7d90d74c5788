package page

import (
	"strings"

	"github.com/raftmark/raftmark/reports/table"
)

// Markdown writes the twin of the page.
func Markdown(d Document) string {
	w := &writer{level: 2, vectorsOnly: d.VectorsOnly}
	w.printf("# %s\n\n", plain(titleOf(d)))
	if d.Question != "" {
		w.printf("%s\n\n", plain(d.Question))
	}
	var facts []string
	for _, f := range d.Facts {
		facts = append(facts, plain(f.Name+" "+f.Value))
	}
	w.printf("%s\n\n", strings.Join(facts, " · "))
	var badges []string
	for _, b := range d.Badges {
		value := plain(b.Value)
		if b.Tone == table.Bad {
			value = "❌ " + value
		}
		badges = append(badges, plain(b.Name)+" **"+value+"**")
	}
	w.printf("%s\n\n", strings.Join(badges, " · "))
	if d.Stamp != "" {
		w.printf("> [!CAUTION]\n> **%s**\n>\n", plain(d.Stamp))
		for _, reason := range d.Reasons {
			w.printf("> - %s\n", plain(reason))
		}
		w.printf("\n")
	}
	if len(d.Warnings) > 0 {
		w.printf("> [!WARNING]\n> **NOT DURABLE**\n>\n")
		for _, warning := range d.Warnings {
			w.printf("> - %s\n", plain(warning))
		}
		w.printf("\n")
	}
	w.printf("## Verdict\n\n")
	for _, line := range d.Verdict {
		w.printf("%s\n\n", plain(line))
	}
	for _, s := range d.Sections {
		w.sectionMarkdown(s)
	}
	return strings.TrimRight(w.String(), "\n") + "\n"
}

func (w *writer) sectionMarkdown(s Section) {
	w.printf("%s %s\n\n", strings.Repeat("#", min(w.level, 6)), plain(s.Title))
	for _, b := range s.Blocks {
		b.markdown(w)
	}
	w.level++
	for _, sub := range s.Sections {
		w.sectionMarkdown(sub)
	}
	w.level--
}

func (p Paragraph) markdown(w *writer) { w.printf("%s\n\n", plain(string(p))) }

func (l List) markdown(w *writer) {
	for i, item := range l.Items {
		if l.Ordered {
			w.printf("%d. %s\n", i+1, plain(item))
		} else {
			w.printf("- %s\n", plain(item))
		}
	}
	w.printf("\n")
}

func (c Code) markdown(w *writer) {
	fence := "```"
	for strings.Contains(string(c), fence) {
		fence += "`"
	}
	w.printf("%s\n%s\n%s\n\n", fence, strings.TrimRight(string(c), "\n"), fence)
}

func (l Links) markdown(w *writer) {
	for _, link := range l {
		w.printf("- [%s](%s)\n", plain(link.Text), strings.ReplaceAll(link.Href, " ", "%20"))
	}
	w.printf("\n")
}

func (d Details) markdown(w *writer) {
	w.printf("<details>\n<summary>%s</summary>\n\n", inline(d.Summary))
	for _, b := range d.Blocks {
		b.markdown(w)
	}
	w.printf("</details>\n\n")
}

func (t Table) markdown(w *writer) { w.printf("%s\n", t.Markdown()) }

func (f Figure) markdown(w *writer) {
	alt := strings.NewReplacer("[", "(", "]", ")").Replace(f.Alt)
	w.printf("![%s](figures/%s.svg)\n\n*%s*\n\n", plain(strings.TrimSpace(alt)), f.Name, plain(f.Caption))
	w.printf("How to read it: %s What it does not show: %s\n\n", plain(f.How), plain(f.Not))
	if w.vectorsOnly {
		w.printf("Files: [data](figures/%s.csv)\n\n", f.Name)
		return
	}
	w.printf("Files: [PNG](figures/%[1]s.png), [data](figures/%[1]s.csv)\n\n", f.Name)
}

// plain escapes what Markdown would take for markup, outside of code.
func plain(text string) string {
	escape := strings.NewReplacer("<", "&lt;", "*", `\*`, "_", `\_`, "[", `\[`)
	parts := strings.Split(text, "`")
	if len(parts)%2 == 0 {
		return escape.Replace(strings.ReplaceAll(text, "`", "'"))
	}
	for i := range parts {
		if i%2 == 0 {
			parts[i] = escape.Replace(parts[i])
		}
	}
	return strings.Join(parts, "`")
}
