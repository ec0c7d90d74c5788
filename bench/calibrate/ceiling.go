package calibrate

import (
	"context"
	"errors"
	"time"

	"github.com/raftmark/raftmark/loadgen"
	"github.com/raftmark/raftmark/loadgen/resp"
)

// ceilingClients keeps the connections busy without a queue that grows.
const ceilingClients = 256

// measureGenerator runs the generator and its client as fast as they go against a server that does nothing.
func measureGenerator(ctx context.Context, each time.Duration) (perS float64, err error) {
	server, err := startNullServer()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, server.close()) }()
	options := loadgen.Options{
		Closed: true, Clients: ceilingClients, Duration: each, Warmup: each / 5,
		Workload: loadgen.Workload{ReadShare: 0.1},
	}.WithDefaults()
	target, err := resp.New(resp.Options{Addrs: []string{server.addr()}, Clock: options.Clock})
	if err != nil {
		return 0, err
	}
	histograms := loadgen.NewHistograms()
	generator, err := loadgen.New(options, target, histograms)
	if err != nil {
		return 0, errors.Join(err, target.Close())
	}
	err = errors.Join(generator.Run(ctx), target.Close())
	return histograms.Stats().AchievedPerS, err
}
