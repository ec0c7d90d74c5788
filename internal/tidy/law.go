package tidy

// law is one row of the import table: files of the packages In import nothing that Deny matches, unless Except does.
type law struct {
	Name string
	// In are directories; "a/..." also stands for everything below a, and "..." for the whole tree.
	In []string
	// NotIn are directories that In matches but the law does not.
	NotIn []string
	// Deny are import paths, with "/..." as in In; those of this module are written as directories, "./raft/...".
	Deny []string
	// Only, when not nil, turns the law round: everything that it does not list is denied.
	Only []string
	// Except are import paths that Deny matches but the law does not.
	Except []string
	// Tests says that the law also binds _test.go files.
	Tests bool
	// Reach says that the law binds what is imported through other packages of this module, too.
	Reach bool
	Why   string
}

// pure is what the pure core may import: nothing that has a clock, a file, a socket or a lock. Of math/rand/v2 it may
// use what has a seed (see checkChance).
var pure = []string{
	"bytes", "cmp", "encoding/binary", "errors", "fmt", "hash/crc32", "iter", "math", "math/bits", "math/rand/v2",
	"slices", "sort", "strconv", "strings",
	"./internal/invariant", "./raft/quorum", "./raft/progress",
}

// The rooms that several laws are about.
var (
	systemUnderTest = []string{"./raft/...", "./transport/...", "./storage/...", "./kv/...", "./server/..."}
	transports      = []string{"transport/..."}
	storages        = []string{"storage/..."}
)

// laws is the import table: L1 to L4 of docs/architecture.md, and the habits of the house that are about imports.
var laws = []law{
	{
		Name: "L1", In: []string{"raft", "raft/quorum", "raft/progress"}, Only: pure,
		Why: "the core is pure: time is ticks, chance is injected, and no I/O, lock, log or goroutine is in reach",
	},
	{
		Name: "L2", In: append(transports, storages...),
		Deny: []string{"./raft/replica", "./server/...", "./kv/..."}, Reach: true,
		Why: "transport and storage know raft's types only; the ports that they fulfil live with the replica, their user",
	},
	{
		Name: "L2", In: transports, Deny: []string{"./storage/..."}, Reach: true,
		Why: "transport and storage do not know each other",
	},
	{
		Name: "L2", In: storages, Deny: []string{"./transport/..."}, Reach: true,
		Why: "transport and storage do not know each other",
	},
	{
		Name: "L2", In: []string{"raft/replica"},
		Deny:  []string{"./transport/...", "./storage/...", "./kv/...", "./server/...", "./bench/...", "./loadgen/..."},
		Reach: true,
		Why:   "the driver moves the core's outputs through its ports and knows no implementation of them",
	},
	{
		Name: "L2", In: []string{"kv/..."}, Deny: []string{"./raft/replica", "./transport/...", "./server/..."}, Reach: true,
		Why: "the state machine fulfils the driver's port and knows neither the driver nor the network",
	},
	{
		Name: "L3", In: []string{"loadgen/..."}, Deny: append([]string{"./bench/...", "./reports/..."}, systemUnderTest...),
		Tests: true, Reach: true,
		Why: "the load generator is an instrument: it measures any server of the protocol and knows no raft",
	},
	{
		Name: "L3", In: []string{"reports/..."},
		Deny:  append([]string{"./loadgen/...", "./internal/clock"}, systemUnderTest...),
		Tests: true, Reach: true,
		Why: "a report is a pure function of a result directory and knows nothing of the system under test",
	},
	{
		Name: "L3", In: []string{"reports/..."},
		Deny: []string{"./bench/..."}, Except: []string{"./bench/result/..."}, Tests: true,
		Why: "reports read bench/result, and nothing else of the bench",
	},
	{
		Name: "L3", In: []string{"bench/result/..."},
		Deny:  append([]string{"./loadgen/...", "./reports/..."}, systemUnderTest...),
		Reach: true,
		Why:   "the result directory is the border between measuring and reporting; it belongs to neither",
	},
	{
		Name: "L3", In: append([]string{"kv/...", "server/..."}, append(transports, storages...)...),
		Deny: []string{"./bench/...", "./loadgen/...", "./reports/..."}, Reach: true,
		Why: "the system under test does not know that it is measured",
	},
	{
		Name: "L4", In: []string{"..."}, NotIn: []string{"transport/quic"},
		Deny: []string{"github.com/quic-go/quic-go/..."}, Tests: true,
		Why: "one package imports quic-go: transport/quic",
	},
	{
		Name: "L4", In: []string{"..."},
		NotIn: []string{"storage/pebble", "storage/faultfs", "storage/snapshot", "kv", "storage/sweep", "server/wholetest"},
		Deny:  []string{"github.com/cockroachdb/pebble/v2/..."}, Tests: true,
		Why: "Pebble is imported by storage/pebble and by kv's store, and its file system, which all parts of a node " +
			"can be on, by storage/faultfs, storage/snapshot and what tests them too",
	},
	{
		Name: "L4", In: []string{"..."}, NotIn: []string{"cmd/raftmark", "internal/loadcommand"},
		Deny: []string{"github.com/spf13/cobra/...", "github.com/spf13/pflag/..."}, Tests: true,
		Why: "the command line is cmd/raftmark's (flags in, packages called, exit code out), but for the one command that " +
			"a second program has, too",
	},
	{
		Name: "L4", In: []string{"..."}, NotIn: []string{"server/...", "loadgen/resp/..."},
		Deny: []string{"github.com/tidwall/redcon/..."},
		Why:  "the Redis protocol is spoken at its two ends: server/resp and loadgen/resp",
	},
	{
		Name: "L4", In: []string{"..."}, NotIn: []string{"server"},
		Deny: []string{"github.com/prometheus/client_golang/..."},
		Why:  "metrics leave through the server's admin port",
	},
	{
		Name: "L4", In: []string{"..."}, Deny: []string{"github.com/redis/go-redis/v9/..."},
		Why: "the Redis client library is a second opinion for tests, and not a part of the product",
	},
	{
		Name: "L4", In: []string{"..."}, NotIn: []string{"reports/..."},
		Deny: []string{"gonum.org/v1/plot/...", "gonum.org/v1/gonum/..."}, Tests: true,
		Why: "drawing and statistics are the reports'",
	},
	{
		Name: "L4", In: []string{"..."}, NotIn: []string{"bench/check", "raft/sim"},
		Deny: []string{"github.com/anishathalye/porcupine/..."},
		Why:  "linearizability is judged in bench/check and in the simulator",
	},
	{
		Name: "globals", In: []string{"..."}, NotIn: []string{"cmd/raftmark"}, Deny: []string{"log", "flag", "expvar"},
		Why: "the standard logger, flag set and variable table are global state; take a *slog.Logger in Options",
	},
	{
		Name: "globals", In: []string{"..."}, Deny: []string{"math/rand", "unsafe", "C"}, Tests: true,
		Why: "chance comes from a seeded math/rand/v2 source, and nothing here needs unsafe or C",
	},
}
