package check

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/raftmark/raftmark/loadgen"
)

// The history file is csv, gzipped, in two parts: a comment line with the schema's version and the dropped count, and a
// table of one operation a row. Instants are microseconds of the run's clock, rounded outwards (sent down, done up), so
// that no order is claimed which was not seen; -1 is never. Values are ids.
//
//	# raftmark.history/1 dropped=0
//	seq,kind,key,value,sent_us,done_us,outcome
//	17,set,a1b2c3:000000000004,a1b2c30000000011,1030211,1031877,ok
//
// The value of an incr, and of the final read of what it counts in, is the number. That of a cas is "old>new", and
// the kind of one that was answered and did not find old is cas-refused.
const (
	fileSchema  = "raftmark.history/1"
	kindFinal   = "final"
	kindRefused = "cas-refused"
)

// ErrNotHistory is returned for a file that is not a history of a version known here.
var ErrNotHistory = errors.New("not a " + fileSchema + " file")

func fileColumns() []string {
	return []string{"seq", "kind", "key", "value", "sent_us", "done_us", "outcome"}
}

// WriteFile writes h to path.
func (h *History) WriteFile(path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("create history: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buffered := bufio.NewWriterSize(f, 1<<16)
	if err := h.Write(buffered); err != nil {
		return fmt.Errorf("write history %s: %w", path, err)
	}
	return buffered.Flush()
}

// Write writes h to w.
func (h *History) Write(w io.Writer) error {
	zipped, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(zipped, "# %s dropped=%d\n", fileSchema, h.Dropped); err != nil {
		return err
	}
	table := csv.NewWriter(zipped)
	if err := table.Write(fileColumns()); err != nil {
		return err
	}
	for i := range h.Ops {
		op := &h.Ops[i]
		kind, value := op.columns()
		if err := table.Write([]string{
			strconv.FormatUint(op.Seq, 10), kind, op.Key, value,
			microseconds(op.Sent, 0), microseconds(op.Done, time.Microsecond-1), op.Outcome.String(),
		}); err != nil {
			return err
		}
	}
	table.Flush()
	return errors.Join(table.Error(), zipped.Close())
}

// columns returns what stands in the columns kind and value.
func (op *Op) columns() (kind, value string) {
	kind, value = op.Kind.String(), op.Value
	if op.Kind == loadgen.CAS {
		value = op.Old + ">" + op.Value
	}
	switch {
	case op.Final:
		kind = kindFinal
	case op.Kind == loadgen.CAS && op.Outcome == loadgen.OK && !op.Swapped:
		kind = kindRefused
	}
	return kind, value
}

// setKind is the inverse of columns, once the outcome is known.
func (op *Op) setKind(kind string) error {
	switch kind {
	case loadgen.Get.String():
	case loadgen.Set.String():
		op.Kind = loadgen.Set
	case loadgen.Incr.String():
		op.Kind = loadgen.Incr
	case loadgen.CAS.String(), kindRefused:
		op.Kind = loadgen.CAS
		op.Swapped = kind != kindRefused && op.Outcome == loadgen.OK
		var whole bool
		if op.Old, op.Value, whole = strings.Cut(op.Value, ">"); !whole {
			return fmt.Errorf("value = %q of a %s: want old>new", op.Old, kind)
		}
	case kindFinal:
		op.Final = true
	default:
		return fmt.Errorf("kind = %q: want get, set, incr, cas, %s or %s", kind, kindRefused, kindFinal)
	}
	return nil
}

func microseconds(at, roundUp time.Duration) string {
	if at < 0 {
		return "-1"
	}
	return strconv.FormatInt(int64((at+roundUp)/time.Microsecond), 10)
}

// ReadLimits bound what reading a history costs. It takes about 300 B an operation in memory, and a history file is
// gzipped: a small one can hold a lot.
type ReadLimits struct {
	// OpsMax is how many operations are read. What comes after them counts as dropped, so that no check finds ok. Higher:
	// more memory. Default 8 Mi, about 2.5 GB: twice what one run of the bench keeps.
	OpsMax int
}

// WithDefaults returns a copy with every zero field at its default.
func (l ReadLimits) WithDefaults() ReadLimits {
	if l.OpsMax == 0 {
		l.OpsMax = 8 << 20
	}
	return l
}

// Validate returns all faults of limits that have their defaults.
func (l ReadLimits) Validate() error {
	if l.OpsMax < 1 {
		return fmt.Errorf("OpsMax = %d: want above 0", l.OpsMax)
	}
	return nil
}

// lineBytesMax bounds one line of a history file: keys and values are short.
const lineBytesMax = 64 << 10

// shortLines passes r through as long as its lines are short.
type shortLines struct {
	r    io.Reader
	line int // bytes since the last newline
}

// Read implements io.Reader.
func (s *shortLines) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	for rest := p[:n]; ; {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			s.line += len(rest)
			break
		}
		s.line, rest = 0, rest[end+1:]
	}
	if s.line > lineBytesMax {
		return 0, fmt.Errorf("%w: a line is longer than %d bytes", ErrNotHistory, lineBytesMax)
	}
	return n, err
}

// ReadFile reads the history at path.
func ReadFile(path string, limits ReadLimits) (*History, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	defer f.Close()
	h, err := Read(bufio.NewReaderSize(f, 1<<16), limits)
	if err != nil {
		return nil, fmt.Errorf("read history %s: %w", path, err)
	}
	return h, nil
}

// Read reads a history from r.
func Read(r io.Reader, limits ReadLimits) (*History, error) {
	limits = limits.WithDefaults()
	if err := limits.Validate(); err != nil {
		return nil, err
	}
	zipped, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotHistory, err)
	}
	text := bufio.NewReader(&shortLines{r: zipped})
	first, err := text.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotHistory, err)
	}
	h := &History{}
	if _, err := fmt.Sscanf(first, "# "+fileSchema+" dropped=%d\n", &h.Dropped); err != nil {
		return nil, fmt.Errorf("%w: it begins with %.40q", ErrNotHistory, first)
	}
	table := csv.NewReader(text)
	table.FieldsPerRecord = len(fileColumns())
	table.ReuseRecord = true
	strs := map[string]string{} // keys and ids occur often
	for row := 0; ; row++ {
		record, err := table.Read()
		if errors.Is(err, io.EOF) {
			return h, nil
		}
		if err != nil {
			return nil, err
		}
		if row == 0 {
			if got, want := strings.Join(record, ","), strings.Join(fileColumns(), ","); got != want {
				return nil, fmt.Errorf("%w: columns %s, want %s", ErrNotHistory, got, want)
			}
			continue
		}
		if len(h.Ops) == limits.OpsMax {
			h.Dropped++ // at least
			return h, nil
		}
		op, err := parseRow(record, strs)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", row, err)
		}
		h.Ops = append(h.Ops, op)
	}
}

func parseRow(record []string, strs map[string]string) (op Op, err error) {
	var faults []error
	number := func(column int) int64 {
		n, err := strconv.ParseInt(record[column], 10, 64)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s = %q: want a number", fileColumns()[column], record[column]))
		}
		return n
	}
	instant := func(column int) time.Duration {
		us := number(column)
		if us < 0 {
			return -1
		}
		return time.Duration(us) * time.Microsecond
	}
	text := func(column int) string {
		s, ok := strs[record[column]]
		if !ok {
			s = strings.Clone(record[column])
			strs[s] = s
		}
		return s
	}
	op = Op{Seq: uint64(number(0)), Key: text(2), Value: text(3), Sent: instant(4), Done: instant(5)}
	known := false
	for outcome := loadgen.OK; outcome <= loadgen.Shed; outcome++ {
		if record[6] == outcome.String() {
			op.Outcome, known = outcome, true
		}
	}
	if !known {
		faults = append(faults, fmt.Errorf("outcome = %q: want ok, failed, unknown or shed", record[6]))
	}
	if err := op.setKind(record[1]); err != nil {
		faults = append(faults, err)
	}
	return op, errors.Join(faults...)
}
