package cluster

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/raftmark/raftmark/server"
)

// eventLineBytesMax bounds one line of an event file.
const eventLineBytesMax = 64 << 10

// Events returns what the nodes have recorded until now, in the order of time. A line that a kill cut short
// is left out.
func (c *Cluster) Events() ([]server.EventRecord, error) {
	var all []server.EventRecord
	c.mu.Lock()
	nodes := slices.Concat(c.nodes, c.gone)
	c.mu.Unlock()
	for _, n := range nodes {
		events, err := readEvents(filepath.Join(n.DataDir(), server.EventsFile))
		if err != nil {
			return nil, fmt.Errorf("read events of node %d: %w", n.id, err)
		}
		all = append(all, events...)
	}
	slices.SortStableFunc(all, func(a, b server.EventRecord) int { return cmp.Compare(a.TimeNs, b.TimeNs) })
	return all, nil
}

func readEvents(name string) ([]server.EventRecord, error) {
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var events []server.EventRecord
	lines := bufio.NewReaderSize(file, eventLineBytesMax)
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return events, nil // without its end, the last line is not whole
		}
		if err != nil {
			return nil, err
		}
		var e server.EventRecord
		if json.Unmarshal(line, &e) == nil { // a line that goes on where a kill cut one short is neither
			events = append(events, e)
		}
	}
}
