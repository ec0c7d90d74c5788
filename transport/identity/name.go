package identity

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/raftmark/raftmark/raft"
)

const uriScheme = "raftmark"

// Role is what the holder of a certificate may be.
type Role string

// The roles.
const (
	// RolePeer is a node of the cluster: it may connect to the other nodes, and be connected to.
	RolePeer Role = "peer"
	// RoleClient is somebody who uses the cluster. The nodes' peer ports refuse it.
	RoleClient Role = "client"
	// RoleAuthority vouches for the others.
	RoleAuthority Role = "authority"
)

// Name is who a certificate speaks for: the only URI of its subject alternative names.
type Name struct {
	Cluster string
	Role    Role
	// Node is the node's id; of RolePeer only.
	Node raft.NodeID
	// Client is the client's name: 1 to 64 letters, digits, '-', '_' and '.'; of RoleClient only.
	Client string
}

// PeerName returns the name of a node.
func PeerName(cluster string, node raft.NodeID) Name {
	return Name{Cluster: cluster, Role: RolePeer, Node: node}
}

// ClientName returns the name of a client.
func ClientName(cluster, client string) Name {
	return Name{Cluster: cluster, Role: RoleClient, Client: client}
}

var clientName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// String returns the URI.
func (n Name) String() string { return n.uri().String() }

func (n Name) uri() *url.URL {
	path := "/" + string(n.Role)
	switch n.Role {
	case RolePeer:
		path += "/" + strconv.FormatUint(uint64(n.Node), 10)
	case RoleClient:
		path += "/" + n.Client
	case RoleAuthority:
	}
	return &url.URL{Scheme: uriScheme, Host: n.Cluster, Path: path}
}

// Validate returns an error unless n can be the name of a node or a client.
func (n Name) Validate() error {
	switch {
	case n.Cluster == "":
		return errors.New("cluster is empty: want a name")
	case n.Role == RolePeer && n.Node == raft.None:
		return errors.New("node = 0: want an id of at least 1")
	case n.Role == RoleClient && !clientName.MatchString(n.Client):
		return fmt.Errorf("client %.100q: want 1 to 64 letters, digits, '-', '_' and '.'", n.Client)
	case n.Role != RolePeer && n.Role != RoleClient:
		return fmt.Errorf("role %q: want %s or %s", n.Role, RolePeer, RoleClient)
	}
	return nil
}

// label is how people call it.
func (n Name) label() string {
	switch n.Role {
	case RolePeer:
		return "node " + strconv.FormatUint(uint64(n.Node), 10)
	case RoleClient:
		return "client " + n.Client
	default:
		return string(n.Role)
	}
}

// NameOf returns who a certificate speaks for. Nothing is checked but that there is one URI, written as [Name.String]
// writes it.
func NameOf(cert *x509.Certificate) (Name, error) {
	if len(cert.URIs) != 1 {
		return Name{}, refuse(ReasonMalformed, "%d URIs, want 1", len(cert.URIs))
	}
	uri := cert.URIs[0]
	role, rest, _ := strings.Cut(strings.TrimPrefix(uri.Path, "/"), "/")
	n := Name{Cluster: uri.Host, Role: Role(role)}
	switch n.Role {
	case RolePeer:
		id, err := strconv.ParseUint(rest, 10, 64)
		if err == nil {
			n.Node = raft.NodeID(id)
		}
	case RoleClient:
		if clientName.MatchString(rest) {
			n.Client = rest
		}
	case RoleAuthority:
	default:
		n.Role = ""
	}
	unnamed := n.Role == "" || n.Role == RolePeer && n.Node == raft.None || n.Role == RoleClient && n.Client == ""
	if unnamed || n.Cluster == "" || uri.String() != n.String() {
		return Name{}, refuse(ReasonMalformed, "URI %.200q, want %s://<cluster>/peer/<id>", uri.String(), uriScheme)
	}
	return n, nil
}
