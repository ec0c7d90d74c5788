package table_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/raftmark/raftmark/reports/table"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func sample() *table.Table {
	t := &table.Table{Caption: "Times & counts", Columns: table.Columns("arm", "p50", "p99", "lost")}
	t.Add(table.Of("transport=tcp"), table.Time(812.34567), table.Cell{Text: "n/a (n=10 < " +
		"368)", Tone: table.Missing},
		table.Of("0"))
	t.Add(table.Cell{Text: "a|b <c>", Href: "a&b.html"}, table.Time(1_234_567), table.PerSecond(2), table.Cell{Text: "3 " +
		"LOST", Tone: table.Bad})
	return t
}

func TestForms(t *testing.T) {
	for name, got := range map[string]string{
		"table.golden.txt": sample().Text(), "table.golden.md": sample().Markdown(), "table.golden.html": sample().HTML(),
	} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestFormats(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{table.Duration(0), "0 µs"}, {table.Duration(7.25), "7.25 µs"}, {table.Duration(12.3), "12.3 µs"},
		{table.Duration(999.6), "1.00 ms"}, {table.Duration(231_400), "231 ms"}, {table.Duration(-1500), "-1.50 ms"},
		{table.Duration(65e6), "65.0 s"}, {table.Significant(.01234), "0.0123"}, {table.Significant(99.96), "100"},
		{table.Count(1234), "1234"}, {table.Count(1_234_567), "1\u00a0234\u00a0567"}, {table.Count(-12345), "-12\u00a0345"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
