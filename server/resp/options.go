package resp

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Defaults of [Options].
const (
	DefaultConnectionsMax      = 1024
	DefaultInflightRequestsMax = 1024
	DefaultInflightBytesMax    = 16 << 20
	DefaultInflightBytesAllMax = 64 << 20
	DefaultRequestBytesMax     = 4 << 20
	DefaultArgsMax             = 1024
	DefaultRequestTimeout      = 5 * time.Second
	DefaultWriteTimeout        = 10 * time.Second
)

const (
	// LineBytesMax bounds one line: a length header, or a request typed by hand (inline).
	LineBytesMax = 16 << 10
	// RequestBytesSkipMax bounds what is read and thrown away to keep the connection after a request that is too
	// large.
	RequestBytesSkipMax = 64 << 20
	// writeBatchBytes is how much is rendered before it is handed to the socket.
	writeBatchBytes = 64 << 10
	// bufferKeepBytes is the largest buffer that a connection keeps between requests.
	bufferKeepBytes = 64 << 10
)

// Options configure a [Server]. Zero is the default.
type Options struct {
	// ConnectionsMax bounds the connections served at once; one more is told so and closed. Default 1024. Raising it
	// raises memory: about 40 KiB each, and up to RequestBytesMax for a request that is being read.
	ConnectionsMax int
	// InflightRequestsMax bounds the unanswered requests of a connection; at the bound the connection is not read.
	// Default 1024.
	InflightRequestsMax int
	// InflightBytesMax bounds the bytes that the unanswered requests of a connection announced in Begin, and with
	// them the replies that wait; at the bound the connection is not read. Reads count with room for a reply as large
	// as those before. One request may exceed it. Default 16 MiB.
	InflightBytesMax int
	// InflightBytesAllMax bounds the same for all connections together; at the bound none of them is read until others
	// were answered, but for a small request on a connection with nothing under way, and for replies that are there.
	// Default 64 MiB, at least InflightBytesMax. Raised: more memory; lower: clients with large requests
	// wait for each other.
	InflightBytesAllMax int
	// RequestBytesMax bounds the arguments of one request together, in bytes. Default 4 MiB.
	RequestBytesMax int
	// ArgsMax bounds the number of arguments of a request, its name included. Default 1024.
	ArgsMax int
	// RequestTimeout is the longest that a request waits for its completion. Default 5 s.
	RequestTimeout time.Duration
	// TimeoutReply is the error sent then, without its leading '-'. Default "UNKNOWN outcome not known: timed out".
	TimeoutReply string
	// WriteTimeout is the longest that one write to a socket may take before the connection is closed. Default 10 s.
	WriteTimeout time.Duration
	// Logger takes events of connections at Debug; nil discards.
	Logger *slog.Logger
}

// WithDefaults returns a copy with zero fields replaced by their defaults.
func (o Options) WithDefaults() Options {
	defaultInt(&o.ConnectionsMax, DefaultConnectionsMax)
	defaultInt(&o.InflightRequestsMax, DefaultInflightRequestsMax)
	defaultInt(&o.InflightBytesMax, DefaultInflightBytesMax)
	defaultInt(&o.InflightBytesAllMax, max(DefaultInflightBytesAllMax, o.InflightBytesMax))
	defaultInt(&o.RequestBytesMax, DefaultRequestBytesMax)
	defaultInt(&o.ArgsMax, DefaultArgsMax)
	if o.RequestTimeout == 0 {
		o.RequestTimeout = DefaultRequestTimeout
	}
	if o.TimeoutReply == "" {
		o.TimeoutReply = "UNKNOWN outcome not known: timed out"
	}
	if o.WriteTimeout == 0 {
		o.WriteTimeout = DefaultWriteTimeout
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func defaultInt(field *int, value int) {
	if *field == 0 {
		*field = value
	}
}

// Validate returns every fault of options whose defaults are filled in.
func (o Options) Validate() error {
	var errs []error
	atLeastOne := func(name string, value int) {
		if value < 1 {
			errs = append(errs, fmt.Errorf("%s: %d, want at least 1", name, value))
		}
	}
	atLeastOne("ConnectionsMax", o.ConnectionsMax)
	atLeastOne("InflightRequestsMax", o.InflightRequestsMax)
	atLeastOne("InflightBytesMax", o.InflightBytesMax)
	atLeastOne("ArgsMax", o.ArgsMax)
	if o.InflightBytesAllMax < o.InflightBytesMax {
		errs = append(errs, fmt.Errorf("InflightBytesAllMax: %d, want at least InflightBytesMax = %d",
			o.InflightBytesAllMax, o.InflightBytesMax))
	}
	if o.RequestBytesMax < 1 || o.RequestBytesMax > RequestBytesSkipMax {
		errs = append(errs, fmt.Errorf("RequestBytesMax: %d, want 1 to %d", o.RequestBytesMax, RequestBytesSkipMax))
	}
	if o.RequestTimeout < 0 {
		errs = append(errs, fmt.Errorf("RequestTimeout: %v, want above 0", o.RequestTimeout))
	}
	if o.WriteTimeout < 0 {
		errs = append(errs, fmt.Errorf("WriteTimeout: %v, want above 0", o.WriteTimeout))
	}
	return errors.Join(errs...)
}
