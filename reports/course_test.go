package reports_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/reports/resulttest"
)

func writeCourse(t *testing.T, o resulttest.CourseOptions) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "fixture")
	if err := resulttest.WriteCourse(dir, o); err != nil {
		t.Fatalf("write fixture: %v", err)
	}
	return dir
}

func TestCourseGolden(t *testing.T) {
	for _, o := range []resulttest.CourseOptions{{Kind: "members", Runs: 2}, {Kind: "snapshot-catch-up"}} {
		dir := writeCourse(t, o)
		rendered := renderAll(t, dir)
		compareGolden(t, o.Kind+".headline.golden.txt", rendered.Headline)
		compareGolden(t, o.Kind+".golden.md", read(t, rendered.Markdown))
		if o.Kind == "snapshot-catch-up" { // it has all there is: marks, a cut, segments
			compareGolden(t, o.Kind+".golden.svg", read(t, dir, "report", "figures", "course-snapshot-catch-up-run-1.svg"))
		}
	}
}

// The picture of a course must leave the backlog out, and say so.
func TestCourseLeavesTheBacklogOut(t *testing.T) {
	dir := writeCourse(t, resulttest.CourseOptions{Kind: "snapshot-catch-up"})
	render(t, dir)
	svg := read(t, dir, "report", "figures", "course-snapshot-catch-up-run-1.svg")
	for _, want := range []string{"hatched: 1.0 million entries in 4 s", "kill follower 2", "start follower 2"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the picture has no %q", want)
		}
	}
	if strings.Contains(svg, ">7<") {
		t.Error("the picture has a tick at 7 s, which is cut out")
	}
}
