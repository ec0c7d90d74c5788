package result

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// column is one field of a record type with a csv tag.
type column struct {
	name  string
	index int
	kind  reflect.Kind
	// absent is what a record has whose file was written before there was such a column; without one it must be there.
	absent   string
	optional bool
}

// columnsOf lists the columns of T in the order of its fields. A tag is a name, or "name,absent=value".
func columnsOf[T any]() []column {
	var columns []column
	t := reflect.TypeFor[T]()
	for i := range t.NumField() {
		if name, option, _ := strings.Cut(t.Field(i).Tag.Get("csv"), ","); name != "" {
			c := column{name: name, index: i, kind: t.Field(i).Type.Kind()}
			c.absent, c.optional = strings.CutPrefix(option, "absent=")
			columns = append(columns, c)
		}
	}
	return columns
}

// csvEncoder writes records of T below a header.
type csvEncoder[T any] struct {
	w       *csv.Writer
	columns []column
	fields  []string
}

func newCSVEncoder[T any](w io.Writer) (*csvEncoder[T], error) {
	e := &csvEncoder[T]{w: csv.NewWriter(w), columns: columnsOf[T]()}
	e.fields = make([]string, len(e.columns))
	for i, c := range e.columns {
		e.fields[i] = c.name
	}
	return e, e.w.Write(e.fields)
}

func (e *csvEncoder[T]) encode(record *T) error {
	v := reflect.ValueOf(record).Elem()
	for i, c := range e.columns {
		text, err := formatField(v.Field(c.index))
		if err != nil {
			return fmt.Errorf("encode column %s: %w", c.name, err)
		}
		e.fields[i] = text
	}
	return e.w.Write(e.fields)
}

func (e *csvEncoder[T]) flush() error {
	e.w.Flush()
	return e.w.Error()
}

func formatField(v reflect.Value) (string, error) {
	switch v.Kind() {
	case reflect.String:
		return v.String(), nil
	case reflect.Int, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), nil
	case reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10), nil
	case reflect.Float64:
		f := v.Float()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return "", fmt.Errorf("%v is not finite", f)
		}
		return strconv.FormatFloat(f, 'f', -1, 64), nil
	default:
		return "", fmt.Errorf("type %s has no CSV form", v.Type())
	}
}

// csvDecoder reads records of T, finding columns by name.
type csvDecoder[T any] struct {
	file     string
	r        *csv.Reader
	columns  []column
	position []int // of columns[i] in a row
	strings  map[string]string
	line     int // of the row that decode returned last
}

// newCSVDecoder reads the header. The name of the file is for errors.
func newCSVDecoder[T any](file string, r io.Reader) (*csvDecoder[T], error) {
	d := &csvDecoder[T]{
		file:    file,
		r:       csv.NewReader(&wholeLines{r: r}),
		columns: columnsOf[T](),
		strings: map[string]string{},
	}
	d.r.ReuseRecord = true
	header, err := d.r.Read()
	if errors.Is(err, io.EOF) {
		return nil, fileErrorf(file, 1, "", "no header line: the file is empty")
	}
	if err != nil {
		return nil, d.readError(err)
	}
	d.line = 1
	position := map[string]int{}
	for i, name := range header {
		if _, twice := position[name]; twice {
			return nil, fileErrorf(file, 1, name, "column appears twice")
		}
		position[name] = i
	}
	for _, c := range d.columns {
		i, ok := position[c.name]
		switch {
		case !ok && c.optional:
			i = -1
		case !ok:
			return nil, fileErrorf(file, 1, c.name, "column is missing (header: %.80q)",
				strings.Join(header, ","))
		}
		d.position = append(d.position, i)
	}
	return d, nil
}

// decode reads the next row into record; io.EOF after the last.
func (d *csvDecoder[T]) decode(record *T) error {
	row, err := d.r.Read()
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	if err != nil {
		return d.readError(err)
	}
	d.line, _ = d.r.FieldPos(0)
	v := reflect.ValueOf(record).Elem()
	for i, c := range d.columns {
		text := c.absent
		if at := d.position[i]; at >= 0 {
			text = row[at]
		}
		if err := d.parseField(v.Field(c.index), c.kind, text); err != nil {
			return &FileError{File: d.file, Line: d.line, Field: c.name, Err: err}
		}
	}
	return nil
}

func (d *csvDecoder[T]) parseField(field reflect.Value, kind reflect.Kind, text string) error {
	switch kind {
	case reflect.String:
		field.SetString(d.intern(text))
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		field.SetInt(n)
	case reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number from 0", text)
		}
		field.SetUint(n)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("%q is not a finite number", text)
		}
		field.SetFloat(f)
	default:
		return fmt.Errorf("type %s has no CSV form", kind)
	}
	return nil
}

// internMax caps the table of repeated strings; arms, kinds and outcomes are few.
const internMax = 4096

func (d *csvDecoder[T]) intern(text string) string {
	if s, ok := d.strings[text]; ok {
		return s
	}
	s := strings.Clone(text)
	if len(d.strings) < internMax {
		d.strings[s] = s
	}
	return s
}

func (d *csvDecoder[T]) readError(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fileErrorf(d.file, parse.Line, "", "read row: %w (truncated, or not of this tool?)", parse.Err)
	}
	return fileErrorf(d.file, d.line+1, "", "read row: %w", err)
}

// errTruncated is what wholeLines says when the last line has no end.
var errTruncated = errors.New("the last line has no newline: the file is truncated")

// wholeLines passes r through and turns its end into errTruncated when the last byte is no newline: a number cut in its
// middle is still a number.
type wholeLines struct {
	r    io.Reader
	last byte
	some bool
}

func (w *wholeLines) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if n > 0 {
		w.last, w.some = p[n-1], true
	}
	if err == io.EOF && w.some && w.last != '\n' { //nolint:errorlint // io.Reader: bare EOF
		return n, errTruncated
	}
	return n, err
}
