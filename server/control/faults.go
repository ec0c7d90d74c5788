package control

import (
	"context"
	"net/http"

	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/storage/faultfs"
)

// Faults returns the rules by which the disk of the node with that admin port fails on purpose.
func (c *Client) Faults(ctx context.Context, admin string) (server.FaultsAnswer, error) {
	var answer server.FaultsAnswer
	err := c.call(ctx, admin, http.MethodGet, "/faults", nil, &answer)
	return answer, err
}

// AddFaults adds rules, all of them or none, and returns those in force then.
func (c *Client) AddFaults(ctx context.Context, admin string, rules ...faultfs.Rule) (server.FaultsAnswer, error) {
	var answer server.FaultsAnswer
	err := c.call(ctx, admin, http.MethodPost, "/faults/disk", server.FaultsRequest{Rules: rules}, &answer)
	return answer, err
}

// ClearFaults removes all rules; what they hold up goes on.
func (c *Client) ClearFaults(ctx context.Context, admin string) (server.FaultsAnswer, error) {
	var answer server.FaultsAnswer
	err := c.call(ctx, admin, http.MethodDelete, "/faults/disk", nil, &answer)
	return answer, err
}
