package resp

import (
	"bytes"
	"net"
	"strings"

	"github.com/tidwall/redcon"
)

// verdict is what a reply says about the attempt it answers.
type verdict uint8

const (
	served     verdict = iota // done as asked
	moved                     // not applied: another node leads
	leaderless                // not applied: no node leads, or this one is not ready
	tryAgain                  // not applied: this node cannot take it now
	unknown                   // may have been applied
	refused                   // not applied, and never will be
)

// classify reads an error reply's code.
func classify(reply redcon.RESP) verdict {
	if reply.Type != redcon.Error {
		return served
	}
	code, _, _ := bytes.Cut(reply.Data, []byte(" "))
	switch string(code) {
	case "MOVED":
		return moved
	case "CLUSTERDOWN", "LOADING", "MASTERDOWN":
		return leaderless
	case "TRYAGAIN":
		return tryAgain
	case "UNKNOWN":
		return unknown
	default:
		return refused
	}
}

// movedTo returns the address in a "MOVED slot host:port" reply of the node at from. An empty host is from's. It
// returns "" when there is none.
func movedTo(reply []byte, from string) string {
	fields := strings.Fields(string(reply))
	if len(fields) != 3 {
		return ""
	}
	host, port, err := net.SplitHostPort(fields[2])
	if err != nil || port == "" {
		return ""
	}
	if host == "" {
		host, _, _ = net.SplitHostPort(from)
	}
	return net.JoinHostPort(host, port)
}

// lengthDigitsMax is how many digits the length of a bulk reply may have.
const lengthDigitsMax = 10

// nextReply takes one reply off the start of b: n is its length, 0 when it is not complete. It returns false when b
// cannot become a reply to SET, GET, INCR or CAS.
//
// Note: redcon.ReadNextRESP answers 0 for both, and panics when a bulk length is near 2^63; hence the look before.
func nextReply(b []byte) (n int, reply redcon.RESP, ok bool) {
	if len(b) == 0 {
		return 0, reply, true
	}
	end := bytes.IndexByte(b, '\n')
	switch redcon.Type(b[0]) {
	case redcon.Integer, redcon.String, redcon.Error:
	case redcon.Bulk:
		if digits := end - 2; digits > lengthDigitsMax || end < 0 && len(b) > lengthDigitsMax+2 {
			return 0, reply, false
		}
	default:
		return 0, reply, false
	}
	if end < 0 {
		return 0, reply, true
	}
	n, reply = redcon.ReadNextRESP(b)
	if n == 0 && redcon.Type(b[0]) != redcon.Bulk {
		return 0, reply, false // the line is there and makes no sense
	}
	return n, reply, true
}
