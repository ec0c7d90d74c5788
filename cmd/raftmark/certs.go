package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/bench/cluster"
	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/identity"
)

const day = 24 * time.Hour

func newCertsCommand() *cobra.Command {
	var dir, name string
	var nodes int
	cmd := &cobra.Command{
		Use:   "certs",
		Short: "Make and change the certificates of a cluster's nodes",
		Long: `Make a certificate authority and a certificate for each node, as --transport tls and quic need them.
An authority that is there is kept and used, and so are certificates that are in order.

The authority's key, ca.key, lies in the same folder: on a cluster of several machines keep the folder elsewhere, and
give each node ca.crt, revoked.txt and its own node-ID.crt and node-ID.key. Nodes notice within seconds when a file has
changed: new connections use it, a peer that was revoked is disconnected, what cannot be used is logged and ignored.

  raftmark certs init --cluster orders      an authority
  raftmark certs issue 1 2 3                a key and a certificate for each of these nodes
  raftmark certs show                       what there is, and until when
  raftmark certs renew                      a new key and certificate for all
  raftmark certs revoke 3                   no node accepts what node 3 was issued
  raftmark certs rotate                     a new authority beside the old one; after a renewal: rotate --finish`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if nodes < 1 || nodes > cluster.NodesMax {
				return exit.Usage(fmt.Errorf("--nodes: %d, want 1 to %d", nodes, cluster.NodesMax))
			}
			if err := transport.ValidateCluster(name); err != nil {
				return exit.Usage(fmt.Errorf("--cluster: %w", err))
			}
			if err := cluster.WriteCertificates(dir, name, nodes); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: certificates of nodes 1 to %d of cluster %s\n",
				filepath.Clean(dir), nodes, name)
			next(cmd, "raftmark node --id 1 --transport tls --tls-dir %s --cluster %s --peer ...", dir, name)
			return nil
		},
	}
	cmd.PersistentFlags().StringVar(&dir, "dir", "raftmark-tls", "folder of the certificates")
	cmd.Flags().StringVar(&name, "cluster", server.DefaultCluster, "name of the cluster")
	cmd.Flags().IntVarP(&nodes, "nodes", "n", 3, "number of nodes")
	cmd.AddCommand(newCertsInitCommand(&dir), newCertsIssueCommand(&dir), newCertsRenewCommand(&dir),
		newCertsRevokeCommand(&dir), newCertsRotateCommand(&dir), newCertsShowCommand(&dir))
	return cmd
}

// next prints what to do now.
func next(cmd *cobra.Command, format string, args ...any) {
	fmt.Fprintf(cmd.OutOrStdout(), "next: "+format+"\n", args...)
}

// daysFlag adds the flag of a validity.
func daysFlag(cmd *cobra.Command, days *int, name string, lifetime time.Duration) {
	cmd.Flags().IntVar(days, name, int(lifetime/day), "days that it is valid")
}

func lifetimeOf(name string, days int) (time.Duration, error) {
	if most := int(identity.LifetimeMax / day); days < 1 || days > most {
		return 0, exit.Usage(fmt.Errorf("--%s: %d, want 1 to %d", name, days, most))
	}
	return time.Duration(days) * day, nil
}

// openCerts opens the folder of an authority.
func openCerts(dir string) (*identity.Folder, error) {
	f, err := identity.OpenFolder(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, exit.Usage(fmt.Errorf("--dir: no authority in %s; see raftmark certs init: %w", dir, err))
	}
	return f, err
}

func newCertsInitCommand(dir *string) *cobra.Command {
	var name string
	var days int
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a certificate authority; one that is there is not replaced",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := transport.ValidateCluster(name); err != nil {
				return exit.Usage(fmt.Errorf("--cluster: %w", err))
			}
			lifetime, err := lifetimeOf("ca-days", days)
			if err != nil {
				return err
			}
			if _, err := identity.CreateFolder(*dir, name, lifetime); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: authority of cluster %s, valid for %d days\n", filepath.Clean(*dir), name, days)
			next(cmd, "raftmark certs issue 1 2 3 --dir %s", *dir)
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "cluster", server.DefaultCluster, "name of the cluster")
	daysFlag(cmd, &days, "ca-days", identity.AuthorityLifetime)
	return cmd
}

func newCertsIssueCommand(dir *string) *cobra.Command {
	var clients []string
	var days int
	cmd := &cobra.Command{
		Use:   "issue [ID...]",
		Short: "Make a key and a certificate for each of these nodes",
		Long: `Make a key and a certificate for each of these nodes, which have none yet; or for clients, which the nodes'
peer ports refuse.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := openCerts(*dir)
			if err != nil {
				return err
			}
			names, err := namesOf(f, args, clients)
			if err != nil {
				return err
			}
			for _, name := range names {
				if f.Has(name) {
					return exit.Usage(fmt.Errorf("%v: there is a certificate already; see raftmark certs renew", name))
				}
			}
			if err := issueAll(cmd, f, names, days); err != nil {
				return err
			}
			next(cmd, "give each node its two files, %s and %s; raftmark node --transport tls --tls-dir %s ...",
				identity.AuthorityFile, identity.RevokedFile, *dir)
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&clients, "client", nil, "name of a client (repeatable)")
	daysFlag(cmd, &days, "days", identity.NodeLifetime)
	return cmd
}

// namesOf returns who is meant; at least one.
func namesOf(f *identity.Folder, ids, clients []string) (names []identity.Name, err error) {
	var nodes []raft.NodeID
	if len(ids) > 0 {
		if nodes, err = parseIDs(ids); err != nil {
			return nil, err
		}
	}
	for _, id := range nodes {
		names = append(names, identity.PeerName(f.Cluster(), id))
	}
	for _, client := range clients {
		name := identity.ClientName(f.Cluster(), client)
		if err := name.Validate(); err != nil {
			return nil, exit.Usage(fmt.Errorf("--client: %w", err))
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil, exit.Usage(errors.New("nobody is named, want node ids or --client"))
	}
	return names, nil
}

func issueAll(cmd *cobra.Command, f *identity.Folder, names []identity.Name, days int) error {
	lifetime, err := lifetimeOf("days", days)
	if err != nil {
		return err
	}
	for _, name := range names {
		entry, err := f.Issue(name, lifetime)
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %v, serial %s, until %s\n",
			entry.File, entry.Name, entry.Serial, entry.NotAfter.Format(time.DateOnly))
	}
	return nil
}

func newCertsRenewCommand(dir *string) *cobra.Command {
	var clients []string
	var days int
	cmd := &cobra.Command{
		Use:   "renew [ID...]",
		Short: "Put a new key and certificate in the place of those that are there, of all by default",
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := openCerts(*dir)
			if err != nil {
				return err
			}
			var names []identity.Name
			if len(args)+len(clients) > 0 {
				names, err = namesOf(f, args, clients)
			} else {
				names, err = issued(cmd, f)
			}
			if err != nil {
				return err
			}
			for _, name := range names {
				if !f.Has(name) {
					return exit.Usage(fmt.Errorf("%v: there is no certificate; see raftmark certs issue", name))
				}
			}
			if err := issueAll(cmd, f, names, days); err != nil {
				return err
			}
			next(cmd, "nothing when the nodes use %s: they notice by themselves; the old certificates stay valid", *dir)
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&clients, "client", nil, "name of a client (repeatable)")
	daysFlag(cmd, &days, "days", identity.NodeLifetime)
	return cmd
}

// issued returns who has a certificate that is not revoked.
func issued(cmd *cobra.Command, f *identity.Folder) (names []identity.Name, err error) {
	entries, err := f.List()
	for _, e := range entries {
		switch {
		case e.Name.Role != identity.RolePeer && e.Name.Role != identity.RoleClient:
		case e.State == identity.StateRevoked:
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %v is revoked: left as it is, unless it is named\n", e.File, e.Name)
		default:
			names = append(names, e.Name)
		}
	}
	if err == nil && len(names) == 0 {
		err = exit.Usage(errors.New("there is no certificate to renew; see raftmark certs issue"))
	}
	return names, err
}
