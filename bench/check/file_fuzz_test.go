package check

import (
	"bytes"
	"compress/gzip"
	"reflect"
	"testing"
)

// FuzzRead reads arbitrary text as a history: no panic, and what is accepted is the same after it was written and read
// again.
func FuzzRead(f *testing.F) {
	h := &History{Ops: []Op{{Seq: 1, Key: "k", Value: "v,\"", Sent: 1000, Done: 2000}, {Seq: 2, Final: true, Sent: -1}}}
	var zipped bytes.Buffer
	if err := h.Write(&zipped); err != nil {
		f.Fatal(err)
	}
	unzipped, err := gzip.NewReader(&zipped)
	if err != nil {
		f.Fatal(err)
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(unzipped); err != nil {
		f.Fatal(err)
	}
	f.Add(text.Bytes())
	f.Add([]byte("# " + fileSchema + " dropped=18446744073709551615\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := Read(bytes.NewReader(zip(t, text)), ReadLimits{})
		if err != nil {
			return
		}
		var written bytes.Buffer
		if err := h.Write(&written); err != nil {
			t.Fatalf("%+v cannot be written: %v", h, err)
		}
		if again, err := Read(&written, ReadLimits{}); err != nil || !reflect.DeepEqual(again, h) {
			t.Errorf("%+v came back as %+v, %v", h, again, err)
		}
	})
}

func zip(t *testing.T, text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
