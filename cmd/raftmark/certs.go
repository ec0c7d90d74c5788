package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/bench/cluster"
	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/transport"
)

func newCertsCommand() *cobra.Command {
	var dir, name string
	var nodes int
	cmd := &cobra.Command{
		Use:   "certs",
		Short: "Make a development CA and node certificates",
		Long: `Make a certificate authority and a certificate for each node, for development: the authority's key lies beside
them. An authority that is there is kept and used.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if nodes < 1 || nodes > cluster.NodesMax {
				return usageError(fmt.Errorf("--nodes: %d, want 1 to %d", nodes, cluster.NodesMax))
			}
			if err := transport.ValidateCluster(name); err != nil {
				return usageError(fmt.Errorf("--cluster: %w", err))
			}
			if err := cluster.WriteCertificates(dir, name, nodes); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: certificates of nodes 1 to %d of cluster %s\n",
				filepath.Clean(dir), nodes, name)
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "raftmark-tls", "folder to write to")
	cmd.Flags().StringVar(&name, "cluster", server.DefaultCluster, "name of the cluster")
	cmd.Flags().IntVarP(&nodes, "nodes", "n", 3, "number of nodes")
	return cmd
}
