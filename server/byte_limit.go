package server

import (
	"fmt"
	"strconv"
	"strings"
)

// ByteLimit is a number of bytes, written as "256MiB", as "1073741824", or as "off" for none. Zero is a default.
type ByteLimit int64

// BytesOff is no limit, or no reserve.
const BytesOff ByteLimit = -1

// bytesOff is how BytesOff is written.
const bytesOff = "off"

type byteUnit struct {
	name  string
	bytes ByteLimit
}

func byteUnits() [3]byteUnit {
	return [...]byteUnit{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}
}

// String returns the limit as configurations write it, in the greatest unit that it is a multiple of.
func (l ByteLimit) String() string {
	if l == BytesOff {
		return bytesOff
	}
	for _, unit := range byteUnits() {
		if l != 0 && l%unit.bytes == 0 {
			return strconv.FormatInt(int64(l/unit.bytes), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(l), 10)
}

// MarshalText implements encoding.TextMarshaler.
func (l ByteLimit) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *ByteLimit) UnmarshalText(text []byte) error {
	if string(text) == bytesOff {
		*l = BytesOff
		return nil
	}
	number, scale := string(text), ByteLimit(1)
	for _, unit := range byteUnits() {
		if rest, ok := strings.CutSuffix(number, unit.name); ok {
			number, scale = rest, unit.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/int64(scale) {
		return fmt.Errorf("%q is not a number of bytes such as 256MiB, or off", text)
	}
	*l = ByteLimit(n) * scale
	return nil
}
