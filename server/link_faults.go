package server

import (
	"fmt"
	"net/http"

	linkfaults "github.com/raftmark/raftmark/transport/faults"
)

// LinkFaultsRequest is what POST /faults/links takes: rules that are added to those in force, all of them or none.
type LinkFaultsRequest struct {
	Rules []linkfaults.Rule `json:"rules"`
}

// linkLevel returns what link faults act upon with a transport, or "" when it has none.
func linkLevel(transport string) linkfaults.Level {
	switch transport {
	case TransportTCP, TransportTLS:
		return linkfaults.ConnectionLevel
	case TransportQUIC:
		return linkfaults.DatagramLevel
	default:
		return ""
	}
}

// checkLinkFaults finds what is wrong with the rules of links.
func (c Config) checkLinkFaults(f *faults) {
	if len(c.LinkFaults) == 0 {
		return
	}
	level := linkLevel(c.Transport)
	f.check(c.EnableFaults, "link_faults: %d rules, want none unless enable_faults", len(c.LinkFaults))
	f.check(level != "", "link_faults: %d rules, want none with transport %s", len(c.LinkFaults), c.Transport)
	if level == "" {
		return
	}
	if err := linkfaults.Validate(level, c.LinkFaults); err != nil {
		f.check(false, "link_faults: %w", err)
	}
}

// openLinks returns the links of the node's transport, with the rules of the configuration; nil unless faults are
// enabled.
func (p *parts) openLinks(c Config) (*linkfaults.Links, error) {
	if !c.EnableFaults {
		return nil, nil
	}
	p.links = linkfaults.New(linkLevel(c.Transport), c.Seed+uint64(c.Node))
	if err := p.links.Add(c.LinkFaults...); err != nil {
		return nil, ConfigError{fmt.Errorf("link_faults: %w", err)} // Validate has found it before
	}
	return p.links, nil
}

// linksEnabled reports whether the links of this node have faults; if not, it has answered.
func (n *Node) linksEnabled(w http.ResponseWriter) bool {
	if !n.faultsEnabled(w) {
		return false
	}
	if n.links == nil {
		n.refuse(w, "faults_off", http.StatusNotFound, fmt.Errorf("transport %s has no link faults", n.config.Transport))
	}
	return n.links != nil
}

func (n *Node) serveAddLinkFaults(w http.ResponseWriter, r *http.Request) {
	var asked LinkFaultsRequest
	if !n.linksEnabled(w) || !n.readAsked(w, r, &asked) {
		return
	}
	if len(asked.Rules) == 0 {
		n.refuse(w, codeBadRequest, http.StatusBadRequest, errNoRules)
		return
	}
	if err := n.links.Add(asked.Rules...); err != nil {
		n.refuse(w, codeBadRequest, http.StatusBadRequest, err)
		return
	}
	n.config.Logger.Warn("link faults added", "node", uint64(n.config.Node), "rules", asked.Rules)
	n.answerFaults(w)
}

// serveClearLinkFaults removes the rules of the name that is asked for, or all.
func (n *Node) serveClearLinkFaults(w http.ResponseWriter, r *http.Request) {
	if !n.linksEnabled(w) {
		return
	}
	name := r.URL.Query().Get("name")
	cleared := n.links.Clear(name)
	n.config.Logger.Warn("link faults cleared", "node", uint64(n.config.Node), "name", name, "rules", cleared)
	n.answerFaults(w)
}
