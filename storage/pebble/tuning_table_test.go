package pebble

import (
	"fmt"
	"strings"
)

// figure is one column of a table.
type figure struct {
	key   string
	title string
	form  string
}

// timeFigures are what a client feels, costFigures what it costs. One writer appends entries of 128 B alone, then 64
// of 256 B together, and waits for each append; paced, entries of 128 B come at random; in the pipeline, eight groups
// of 64 entries are under way all the time.
func timeFigures() []figure {
	return []figure{
		{"small.p50", "128 B p50 µs", "%.0f"},
		{"small.sync", "of it sync", "%.0f"},
		{"small.p99", "p99", "%.0f"},
		{"batch.p50", "16 KiB p50 µs", "%.0f"},
		{"batch.sync", "of it sync", "%.0f"},
		{"batch.p99", "p99", "%.0f"},
		{"paced.p50", "paced p50 µs", "%.0f"},
		{"paced.p99", "p99", "%.0f"},
		{"pipeline.rate", "pipeline k entries/s", "%.0f"},
		{"pipeline.p50", "p50 µs", "%.0f"},
		{"pipeline.p99", "p99", "%.0f"},
	}
}

func costFigures() []figure {
	return []figure{
		{"small.cpu", "CPU µs an append, 128 B", "%.1f"},
		{"paced.cpu", "paced", "%.1f"},
		{"pipeline.cpu", "an entry, pipeline", "%.2f"},
		{"small.allocs", "allocations an append", "%.1f"},
		{"small.wal", "WAL bytes a byte, 128 B", "%.2f"},
		{"pipeline.wal", "pipeline", "%.2f"},
		{"pipeline.tables", "tables", "%.2f"},
		{"pipeline.syncs", "syncs a batch", "%.2f"},
		{"memory", "peak MiB", "%.0f"},
		{"open.took", "open ms", "%.0f"},
	}
}

// roundsMin is below how many rounds nothing is said to differ.
const roundsMin = 3

// samples are the measurements of one arm, a round each.
type samples struct {
	arm    string
	rounds []sample
}

func (s samples) values(key string) []float64 {
	var values []float64
	for _, r := range s.rounds {
		values = append(values, r[key])
	}
	return values
}

// ratios divides what s measured by what base measured in the same round.
func (s samples) ratios(base samples, key string) []float64 {
	var ratios []float64
	for i, r := range s.rounds {
		if base.rounds[i][key] != 0 {
			ratios = append(ratios, r[key]/base.rounds[i][key])
		}
	}
	return ratios
}

// writeTable appends the table of figures; the first of all is what the others are compared with, the
// second the same once more.
func writeTable(b *strings.Builder, all []samples, figures []figure) {
	b.WriteString("| arm |")
	for _, f := range figures {
		fmt.Fprintf(b, " %s |", f.title)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", len(figures)) + "\n")
	for i, s := range all {
		fmt.Fprintf(b, "| %s |", s.arm)
		for _, f := range figures {
			if i == 0 {
				fmt.Fprintf(b, " %s |", baseCell(s, f))
			} else {
				fmt.Fprintf(b, " %s |", ratioCell(s, all[0], all[1], f))
			}
		}
		b.WriteString("\n")
	}
}

func baseCell(s samples, f figure) string {
	mid, least, most := median(s.values(f.key))
	return fmt.Sprintf(f.form+" ("+f.form+"–"+f.form+")", mid, least, most)
}

// ratioCell has the median, and the median, least and greatest ratio to base in one round. It is bold when all rounds
// agree on which is greater, and the ratio is one that again, which differs from base by chance alone, never had; less
// than 1 % is nothing.
func ratioCell(s, base, again samples, f figure) string {
	mid, _, _ := median(s.values(f.key))
	ratios, chance := s.ratios(base, f.key), again.ratios(base, f.key)
	if len(ratios) == 0 || len(chance) == 0 {
		return fmt.Sprintf(f.form, mid)
	}
	ratio, least, most := median(ratios)
	cell := fmt.Sprintf(f.form+" ×%.2f (%.2f–%.2f)", mid, ratio, least, most)
	_, low, high := median(chance)
	differs := (least > 1 && ratio > max(high, 1.01)) || (most < 1 && ratio < min(low, 0.99))
	if differs && len(ratios) >= roundsMin {
		cell = "**" + cell + "**"
	}
	return cell
}
