package control

import (
	"context"
	"net/http"
	"net/url"

	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/storage/faultfs"
	linkfaults "github.com/raftmark/raftmark/transport/faults"
)

// Faults returns the rules by which the disk and the links of the node with that admin port fail on purpose.
func (c *Client) Faults(ctx context.Context, admin string) (server.FaultsAnswer, error) {
	var answer server.FaultsAnswer
	err := c.call(ctx, admin, http.MethodGet, "/faults", nil, &answer)
	return answer, err
}

// AddFaults adds rules of the disk, all of them or none, and returns those in force then.
func (c *Client) AddFaults(ctx context.Context, admin string, rules ...faultfs.Rule) (server.FaultsAnswer, error) {
	var answer server.FaultsAnswer
	err := c.call(ctx, admin, http.MethodPost, "/faults/disk", server.FaultsRequest{Rules: rules}, &answer)
	return answer, err
}

// ClearFaults removes all rules of the disk; what they hold up goes on.
func (c *Client) ClearFaults(ctx context.Context, admin string) (server.FaultsAnswer, error) {
	var answer server.FaultsAnswer
	err := c.call(ctx, admin, http.MethodDelete, "/faults/disk", nil, &answer)
	return answer, err
}

// AddLinkFaults adds rules of links, all of them or none, and returns those in force then.
func (c *Client) AddLinkFaults(
	ctx context.Context, admin string, rules ...linkfaults.Rule,
) (server.FaultsAnswer, error) {
	var answer server.FaultsAnswer
	err := c.call(ctx, admin, http.MethodPost, "/faults/links", server.LinkFaultsRequest{Rules: rules}, &answer)
	return answer, err
}

// ClearLinkFaults removes the rules of links of that name, or all when it is empty; what they hold goes on its way.
func (c *Client) ClearLinkFaults(ctx context.Context, admin, name string) (server.FaultsAnswer, error) {
	var answer server.FaultsAnswer
	path := "/faults/links"
	if name != "" {
		path += "?" + url.Values{"name": {name}}.Encode()
	}
	err := c.call(ctx, admin, http.MethodDelete, path, nil, &answer)
	return answer, err
}
