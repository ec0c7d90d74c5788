package wire

import (
	"errors"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/raftmark/raftmark/transport"
)

func TestVersionsInCommon(t *testing.T) {
	window := func(least, most uint64) Head { return Head{Protocol: most, ProtocolMin: least} }
	for _, c := range []struct {
		a, b Head
		want uint64 // 0: none
	}{
		{window(4, 4), window(4, 4), 4},
		{window(4, 6), window(5, 9), 6},
		{window(4, 6), window(6, 9), 6},
		{window(4, 6), window(1, 5), 5},
		{window(4, 6), window(5, 5), 5},
		{window(4, 6), window(7, 9), 0},
		{window(4, 6), window(1, 3), 0},
		{window(4, 4), window(0, 1<<64-1), 4},
	} {
		for _, pair := range [][2]Head{{c.a, c.b}, {c.b, c.a}} {
			got, ok := pair[0].Common(pair[1])
			if ok != (c.want > 0) || ok && got != c.want {
				t.Errorf("%v and %v: got %d, %v, want %d", pair[0], pair[1], got, ok, c.want)
			}
		}
	}
}

// TestGreetingsOfOtherVersions keeps the promise of the version rule: whatever the version, it can be told.
func TestGreetingsOfOtherVersions(t *testing.T) {
	for golden, want := range map[string]uint64{
		"hello_of_protocol_2.golden": 2, "welcome_of_protocol_2.golden": 2,
		"hello_of_protocol_3.golden": 3, "welcome_of_protocol_3.golden": 3,
	} {
		head, err := headOf(t, filepath.Join("testdata", golden))
		if err != nil || head != (Head{Protocol: want, ProtocolMin: want}) || head.Readable() {
			t.Errorf("%s: got %+v, %v, want protocol %d, which is refused as such", golden, head, err, want)
		}
	}
	far := Head{Protocol: ProtocolVersion + 9, ProtocolMin: ProtocolVersion + 1, Required: 1, Optional: 2}
	unknown := append(far.appendTo(nil), byte(transport.RefusedVersion), 0xff, 0xff)
	if got, err := DecodeHello(unknown); err != nil || !reflect.DeepEqual(got, Hello{Head: far}) {
		t.Errorf("hello of versions that are not known: got %+v, %v, want its head", got, err)
	}
	want := Welcome{Head: far, Refusal: transport.RefusedVersion}
	if got, err := DecodeWelcome(unknown); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("welcome of versions that are not known: got %+v, %v, want its head and refusal", got, err)
	}
	near := Head{Protocol: ProtocolVersion + 1, ProtocolMin: ProtocolVersion}
	hello := Hello{Head: near, From: 1, To: 2, Cluster: "c"}
	if got, err := DecodeHello(append(hello.Append(nil), "more"...)); err != nil || !reflect.DeepEqual(got, hello) {
		t.Errorf("hello of a later version that speaks this one: got %+v, %v, want %+v", got, err, hello)
	}
	welcome := Welcome{Head: near, Node: 2, Cluster: "c"}
	if got, err := DecodeWelcome(append(welcome.Append(nil), "more"...)); err != nil || !reflect.DeepEqual(got, welcome) {
		t.Errorf("welcome of a later version that speaks this one: got %+v, %v, want %+v", got, err, welcome)
	}
}

func TestHeadsThatContradictThemselves(t *testing.T) {
	backwards := Head{Protocol: ProtocolVersion, ProtocolMin: ProtocolVersion + 1}
	for name, src := range map[string][]byte{
		"oldest after newest": backwards.appendTo(nil),
		"nothing":             nil,
		"only a version":      {ProtocolVersion},
		"no refusal":          Head{Protocol: 99, ProtocolMin: 98}.appendTo(nil),
	} {
		if got, err := DecodeWelcome(src); !errors.Is(err, ErrFormat) {
			t.Errorf("welcome, %s: got %+v, %v, want %v", name, got, err, ErrFormat)
		}
	}
	if got, err := DecodeHello(backwards.appendTo(nil)); !errors.Is(err, ErrFormat) {
		t.Errorf("hello: got %+v, %v, want %v", got, err, ErrFormat)
	}
}
