package tidy

import "sort"

// Rule is one check of the tree.
type Rule struct {
	Name  string
	Check func(*Tree) []Violation
}

// Rules returns all rules. own are paths of the machine at hand that no file may name, such as the checkout's.
func Rules(own ...string) []Rule {
	return []Rule{
		{Name: "imports", Check: checkImports},
		{Name: "purity", Check: checkPurity},
		{Name: "chance", Check: checkChance},
		{Name: "globals", Check: checkGlobals},
		{Name: "panics", Check: checkPanics},
		{Name: "docs", Check: checkDocs},
		{Name: "names", Check: checkNames},
		{Name: "size", Check: checkSizes},
		{Name: "format", Check: checkFormat},
		{Name: "links", Check: checkLinks},
		{Name: "anchors", Check: checkAnchors},
		{Name: "mentions", Check: checkMentions},
		{Name: "text", Check: func(t *Tree) []Violation { return checkText(t, own) }},
	}
}

// Check applies rules and returns what they found, in order of rule, path and line.
func Check(t *Tree, rules []Rule) []Violation {
	var out []Violation
	for _, r := range rules {
		found := r.Check(t)
		sort.SliceStable(found, func(i, j int) bool {
			if found[i].Path != found[j].Path {
				return found[i].Path < found[j].Path
			}
			return found[i].Line < found[j].Line
		})
		out = append(out, found...)
	}
	return out
}
