package resp

import (
	"bytes"
	"fmt"
	"testing"
)

// BenchmarkReader parses SET with a key of 16 bytes, 64 of them in one piece as a pipelining client sends them. One
// operation is one request.
func BenchmarkReader(b *testing.B) {
	for _, size := range []int{128, 4096} {
		b.Run(fmt.Sprintf("value=%d", size), func(b *testing.B) {
			request := fmt.Appendf(nil, "*3\r\n$3\r\nSET\r\n$16\r\n%016d\r\n$%d\r\n%s\r\n", 7, size, make([]byte, size))
			const pipelined = 64
			stream := bytes.Repeat(request, pipelined)
			src := bytes.NewReader(stream)
			r := newReader(src, Options{}.WithDefaults())
			b.SetBytes(int64(len(request)))
			b.ReportAllocs()
			read := 0
			for b.Loop() {
				if read%pipelined == 0 {
					src.Reset(stream)
				}
				read++
				if args, err := r.next(); err != nil || len(args) != 3 || len(args[2]) != size {
					b.Fatalf("%d arguments: %v", len(args), err)
				}
			}
		})
	}
}
