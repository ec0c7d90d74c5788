package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/table"
)

// meaningOf says what a durability class promised, in a clause.
func meaningOf(class result.Durability) string {
	switch class {
	case result.DurabilityFsync:
		return "every acknowledged write was synced to the disks of a majority"
	case result.DurabilityNone:
		return "acknowledged writes waited for no disk: a power loss takes them, a crash of all nodes may"
	case result.DurabilityMem:
		return "acknowledged writes were in the memory of the nodes only: a crash of all takes them"
	default:
		return "the result does not say what an acknowledged write had behind it"
	}
}

// classes returns the durability classes of the arms, each once, in the order of the arms; results of before there were
// any have none.
func (s *study) classes() []result.Durability {
	var classes []result.Durability
	for _, a := range s.arms {
		if a.Durability != "" && !slices.Contains(classes, a.Durability) {
			classes = append(classes, a.Durability)
		}
	}
	return classes
}

// notDurable says what keeps acknowledged writes from outliving the machine's power; empty when nothing is known to
// (rule R20).
func (s *study) notDurable() []string {
	if s.isExchange() { // nothing is written
		return nil
	}
	var lines []string
	for _, class := range s.classes() {
		if class == result.DurabilityFsync {
			continue
		}
		var arms []string
		for _, a := range s.arms {
			if a.Durability == class {
				arms = append(arms, a.Name)
			}
		}
		lines = append(lines, fmt.Sprintf("Durability class %s in %s: %s.", class, strings.Join(arms, ", "),
			meaningOf(class)))
	}
	if len(s.classes()) > 1 {
		lines = append(lines, "The arms have different durability classes: what they differ by is not the price of anything "+
			"else.")
	}
	if storage := s.Calibration.Storage; !storage.Stable() {
		lines = append(lines, fmt.Sprintf("Storage: %s. What was synced there may not outlive the machine's power.",
			storage.Verdict))
	} else if s.Calibration.DurabilityClass == "volatile" { // of before there was a verdict
		lines = append(lines, "Storage: fsync returned too fast to be true. What was synced there may not outlive the "+
			"machine's power.")
	}
	return lines
}

func (s *study) durabilityBadge() page.Badge {
	var values []string
	for _, class := range s.classes() {
		values = append(values, string(class))
	}
	if len(values) == 0 && s.Calibration.DurabilityClass != "" {
		values = append(values, s.Calibration.DurabilityClass)
	}
	if storage := s.Calibration.Storage.Verdict; storage != "" {
		short, _, _ := strings.Cut(storage, ":")
		values = append(values, "storage "+short)
	}
	badge := page.Badge{Name: "durability", Value: strings.Join(values, ", "), Tone: table.Good}
	switch {
	case len(values) == 0:
		return page.Badge{Name: "durability", Value: "unknown"}
	case len(s.notDurable()) > 0:
		badge.Tone = table.Bad
	}
	return badge
}

// durabilityFooter is a line below the tables on a console: more than one, and louder, when something is not durable.
func (s *study) durabilityFooter() string {
	lines := s.notDurable()
	if len(lines) == 0 {
		if len(s.classes()) == 0 {
			return ""
		}
		return fmt.Sprintf("durability: fsync, storage %s: %s\n", orText(s.Calibration.Storage.Verdict, "not looked at"),
			meaningOf(result.DurabilityFsync))
	}
	return "NOT DURABLE\n  " + strings.Join(lines, "\n  ") + "\n"
}

// stampFigures says in each caption what is not durable: a picture travels without its page.
func stampFigures(sections []page.Section, lines []string) {
	if len(lines) == 0 {
		return
	}
	for _, section := range sections {
		for i, b := range section.Blocks {
			if f, ok := b.(page.Figure); ok {
				f.Caption += " NOT DURABLE: " + strings.Join(lines, " ")
				section.Blocks[i] = f
			}
		}
		stampFigures(section.Sections, lines)
	}
}

// storageTable says what calibration found out about the disk.
func (s *study) storageTable() *table.Table {
	t := &table.Table{Caption: "Where the data were, and what a sync is worth there.",
		Columns: []table.Column{{Name: "what", Text: true}, {Name: "value", Text: true}}}
	storage := s.Calibration.Storage
	if storage.Verdict == "" {
		return t
	}
	tone := table.Good
	if !storage.Stable() {
		tone = table.Bad
	}
	t.Add(table.Of("verdict"), table.Cell{Text: storage.Verdict, Tone: tone})
	t.Add(table.Of("file system"), table.Of(orText(storage.Filesystem, "unknown")))
	t.Add(table.Of("block device"), table.Of(orText(storage.Device, "unknown")))
	t.Add(table.Of("its write cache, as the kernel sees it"), table.Of(orText(storage.WriteCache, "unknown")))
	for _, row := range []calibrated{
		{"overwrite of 4 KiB with fdatasync, p50", storage.OverwriteUs}, {"overwrite of 4 KiB alone, p50", storage.WriteUs},
	} {
		if row.q.P50 != nil {
			t.Add(table.Of(row.name), table.Time(*row.q.P50))
		}
	}
	return t
}
