package claims_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/claims"
	"github.com/raftmark/raftmark/reports/resulttest"
	"github.com/raftmark/raftmark/reports/site"
)

// desk is a folder with a site that has a small result called run, and a text beside it.
type desk struct {
	t      *testing.T
	dir    string
	result *result.Result
}

func newDesk(t *testing.T, verdict result.Verdict) *desk {
	t.Helper()
	d := &desk{t: t, dir: t.TempDir()}
	run := filepath.Join(d.dir, "run")
	if err := resulttest.Write(run, resulttest.Options{
		Trials: 6, Noops: 1, RatePS: 50, SteadyS: 8, Verdict: verdict,
	}); err != nil {
		t.Fatal(err)
	}
	var err error
	if d.result, err = result.Open(run); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) write(text string) string {
	d.t.Helper()
	file := filepath.Join(d.dir, "text.md")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
	return file
}

const head = "<!-- claims:\nrun = run\ntcp = run.arms[transport=tcp]\n-->\n"

// says checks the text and returns the findings.
func (d *desk) says(text string) ([]claims.Finding, error) {
	return claims.Check([]string{d.write(head + text)})
}

func TestClaimHoldsUntilTextOrDataChange(t *testing.T) {
	d := newDesk(t, "")
	p50 := *d.result.Summary.Arms[0].Steady.ResponseUs.P50
	right := fmt.Sprintf("p50 is <!-- claim: tcp.steady.response_us.p50 / 1000 %%.2f -->%.2f<!-- /claim --> ms\n",
		p50/1000)
	findings, err := d.says(right)
	if err != nil || len(findings) != 1 || findings[0].State != claims.Holds || findings[0].Line != 5 {
		t.Fatalf("got %+v, %v", findings, err)
	}
	findings, err = d.says(strings.Replace(right, " ms", "0 ms", 1)) // outside of the marks: not bound
	if err != nil || findings[0].State != claims.Holds {
		t.Errorf("got %+v, %v, want only what is between the marks to count", findings, err)
	}
	wrong := strings.Replace(right, "<!-- /claim", "1<!-- /claim", 1)
	findings, err = d.says(wrong)
	if err != nil || findings[0].State != claims.Parted || !strings.Contains(findings[0].Why, "the text says") {
		t.Fatalf("got %+v, %v, want it parted", findings, err)
	}
	file := d.write(head + wrong)
	if changed, err := claims.Write([]string{file}); err != nil || len(changed) != 1 {
		t.Fatalf("write: got %v, %v", changed, err)
	}
	if data, _ := os.ReadFile(file); string(data) != head+right {
		t.Errorf("written: got %q, want %q", data, head+right)
	}
	if changed, err := claims.Write([]string{file}); err != nil || len(changed) != 0 {
		t.Errorf("written again: got %v, %v, want nothing", changed, err)
	}
}

func TestTemplate(t *testing.T) {
	d := newDesk(t, "")
	arm := d.result.Summary.Arms[0]
	template := "| a | b |\n| --- | --- |\n" +
		"| {tcp.name} | {tcp.faults[leader-kill].trials} |\n| {tcp.safety.acked comma} | 1 |"
	body := fmt.Sprintf("| a | b |\n| --- | --- |\n| transport=tcp | 6 |\n| %d,%03d | 1 |",
		arm.Safety.Acked/1000, arm.Safety.Acked%1000)
	findings, err := d.says("<!-- claim:\n" + template + "\n-->\n" + body + "\n<!-- /claim -->\n")
	if err != nil || len(findings) != 3 {
		t.Fatalf("got %+v, %v", findings, err)
	}
	for i, line := range []int{13, 13, 14} {
		if findings[i].State != claims.Holds || findings[i].Line != line {
			t.Errorf("value %d: got %+v, want it to hold in line %d", i, findings[i], line)
		}
	}
	other := strings.Replace(body, "| 6", "| 7", 1)
	findings, err = d.says("<!-- claim:\n" + template + "\n-->\n" + other + "\n<!-- /claim -->\n")
	if err != nil || findings[1].State != claims.Parted || findings[0].State != claims.Holds || findings[1].Line != 13 {
		t.Errorf("got %+v, %v, want the second value parted", findings, err)
	}
}

func TestExpressions(t *testing.T) {
	d := newDesk(t, "")
	worst, kills := 0.0, 0
	for _, trial := range d.result.Trials {
		if trial.Arm == "transport=tcp" && trial.Kind == "leader-kill" {
			worst, kills = max(worst, trial.OutageMs), kills+1
		}
	}
	for expression, want := range map[string]string{
		"run.verdict":                       "ok",
		"run.arms.count":                    "2",
		"run.dir":                           "run",
		"run.arms[name=transport=tcp].name": "transport=tcp",
		"run.arms[name=\"transport=tcp\"].safety.linearizable":                  "ok",
		"run.trials[arm=transport=tcp,kind=leader-kill].count":                  fmt.Sprint(kills),
		"run.trials[arm=transport=tcp,kind=leader-kill].max(outage_ms) %.3f":    fmt.Sprintf("%.3f", worst),
		"run.trials[arm=transport=tcp,kind!=noop,outage_ms>0].count * 2 + 1 %d": fmt.Sprint(2*kills + 1),
		"1234567 comma": "1,234,567",
		"1200 us":       "1.20 ms",
		"1.5 ms":        "1.50 ms",
	} {
		findings, err := d.says("<!-- claim: " + expression + " -->" + want + "<!-- /claim -->\n")
		if err != nil || findings[0].State != claims.Holds {
			t.Errorf("%s: got %+v, %v, want %q", expression, findings, err, want)
		}
	}
}

func TestBrokenClaims(t *testing.T) {
	d := newDesk(t, "")
	for text, says := range map[string]string{
		"<!-- claim: tcp.steady.respons_us.p50 us -->1<!-- /claim -->":            "no field respons_us",
		"<!-- claim: run.arms[transport=udp].name -->1<!-- /claim -->":            "there is no field transport",
		"<!-- claim: run.arms[name=transport=udp].name -->1<!-- /claim -->":       "a list of 0",
		"<!-- claim: run.arms.name -->1<!-- /claim -->":                           "a list of 2",
		"<!-- claim: tcp.steady.response_us.p999 us -->1<!-- /claim -->":          "null",
		"<!-- claim: tcp.steady.response_us -->1<!-- /claim -->":                  "no single value",
		"<!-- claim: tcp.safety.acked / 7 -->1<!-- /claim -->":                    "needs a format",
		"<!-- claim: tcp.steady.response_us.p50 %s -->1<!-- /claim -->":           "verb",
		"<!-- claim: tcp.steady.response_us.p50 furlong -->1<!-- /claim -->":      "no format",
		"<!-- claim: udp.name -->1<!-- /claim -->":                                "no source is named",
		"<!-- claim: 1 / 0 %d -->1<!-- /claim -->":                                "no number",
		"<!-- claim: run.trials.max(repaired_us) %d -->1<!-- /claim -->":          "no field repaired_us",
		"<!-- claim: run.trials[kind=noop].min(elect_us) %d -->1<!-- /claim -->":  "not observed",
		"<!-- claim: run.trials[kind=none].max(outage_ms) %d -->1<!-- /claim -->": "of no element",
		"<!-- claim: run.report[Verdict] -->1<!-- /claim -->":                     "no such file",
		"<!-- claim: run.verdict -->ok":                                           "has no <!-- /claim -->",
		"<!-- claim run.verdict -->ok<!-- /claim -->":                             "is no mark",
		"<!-- claims: other = nothing -->":                                        "no such file",
		"<!-- claims: run = run -->":                                              "has a source already",
		"no mark at all":                                                          "no claim in any of the files",
		"```\n<!-- claim: run.verdict -->not ok<!-- /claim -->\n```":              "no claim in any of the files",
	} {
		findings, err := d.says(text + "\n")
		if !errors.Is(err, claims.ErrQuery) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %+v, %v, want a broken claim that says %q", text, findings, err, says)
		}
		file := d.write(head + text + "\n")
		if _, err := claims.Write([]string{file}); err == nil {
			t.Errorf("%s: written all the same", text)
		}
		if data, _ := os.ReadFile(file); string(data) != head+text+"\n" {
			t.Errorf("%s: the file was changed to %q", text, data)
		}
	}
}

func TestResultThatDoesNotHoldIsNotQuoted(t *testing.T) {
	for _, verdict := range []result.Verdict{result.VerdictInvalid, result.VerdictUnsafe} {
		d := newDesk(t, verdict)
		quote := "<!-- claim: tcp.name -->transport=tcp<!-- /claim -->\n"
		findings, err := d.says(quote)
		if err != nil || findings[0].State != claims.Parted || !strings.Contains(findings[0].Why, string(verdict)) {
			t.Errorf("%s: got %+v, %v, want it parted", verdict, findings, err)
		}
		if _, err := claims.Write([]string{d.write(head + quote)}); !errors.Is(err, claims.ErrQuery) {
			t.Errorf("%s: got %v, want it not written", verdict, err)
		}
		said := strings.Replace(head, "run = run", "run = run (invalid)", 1)
		findings, err = claims.Check([]string{d.write(said + quote)})
		if err != nil || findings[0].State != claims.Holds {
			t.Errorf("%s, and the text says so: got %+v, %v", verdict, findings, err)
		}
	}
	d := newDesk(t, "")
	said := strings.Replace(head, "run = run", "run = run (invalid)", 1)
	if _, err := claims.Check([]string{d.write(said)}); err == nil {
		t.Error("a result that holds was called invalid, and nobody minded")
	}
}

// The verdict of a summary may be of an older program than the checks whose findings stand beside it.
func TestResultWithDifferentLogsIsNotQuoted(t *testing.T) {
	d := newDesk(t, "")
	path := filepath.Join(d.dir, "run", result.SummaryFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data = []byte(strings.Replace(string(data), `"logs": "ok"`, `"logs": "violation"`, 1))
	if err := errors.Join(os.WriteFile(path, data, 0o644),
		os.Remove(filepath.Join(d.dir, "run", result.ChecksumsFile))); err != nil {
		t.Fatal(err)
	}
	findings, err := d.says("<!-- claim: tcp.name -->transport=tcp<!-- /claim -->\n")
	if err != nil || findings[0].State != claims.Parted || !strings.Contains(findings[0].Why, "unsafe") {
		t.Errorf("got %+v, %v, want it parted", findings, err)
	}
}

func TestSectionOfAReportIsVouchedFor(t *testing.T) {
	d := newDesk(t, "")
	if _, err := site.Publish(d.dir, nil, site.Options{}); err != nil {
		t.Fatal(err)
	}
	file := d.write(head + "<!-- claim:\n{run.report[Verdict]}\n-->\nx\n<!-- /claim -->\n")
	if _, err := claims.Write([]string{file}); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(file); !strings.Contains(string(data), "Without faults") {
		t.Errorf("got %q, want the verdict", data)
	}
	report := filepath.Join(d.dir, "run", "report", "report.md")
	data, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(report, append(data, ' '), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := claims.Check([]string{file}); err == nil || !strings.Contains(err.Error(), "changed since") {
		t.Errorf("the report was changed: got %v", err)
	}
	if _, err := d.says("<!-- claim: run.report[Weather] -->x<!-- /claim -->"); err == nil {
		t.Error("a section that is not there was found")
	}
}
