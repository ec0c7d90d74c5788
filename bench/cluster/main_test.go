package cluster

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/raftmark/raftmark/server"
)

// nodeEnv makes this test binary a node instead: node --config FILE --exit-with-parent.
const nodeEnv = "RAFTMARK_CLUSTER_TEST_NODE"

func TestMain(m *testing.M) {
	if os.Getenv(nodeEnv) == "" {
		os.Exit(m.Run())
	}
	if err := runNode(os.Args[len(os.Args)-2]); err != nil {
		fmt.Fprintln(os.Stderr, "raftmark:", err)
		if server.IsConfig(err) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

// runNode is what raftmark node does, without its flags.
func runNode(configFile string) error {
	c, err := server.ReadConfig(configFile)
	if err != nil {
		return err
	}
	n, err := server.Start(c)
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	select {
	case <-n.Done():
		return n.Wait()
	case <-ended:
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return n.Stop(ctx)
}
