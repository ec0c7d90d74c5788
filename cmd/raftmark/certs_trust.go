package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport/identity"
)

func newCertsRevokeCommand(dir *string) *cobra.Command {
	var clients []string
	cmd := &cobra.Command{
		Use:   "revoke [ID|SERIAL|sha256:FINGERPRINT]...",
		Short: "Have the nodes refuse certificates that are valid, and end their connections",
		Long: `Have the nodes refuse certificates that are valid, and end their connections. The id of a node that was issued
certificates from this folder means all of them; a single one, and a whole authority, are named by serial number or
fingerprint. A serial number must be one of this folder; a certificate of another tool is named by its
fingerprint, which is put on the list as it is.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := openCerts(*dir)
			if err != nil {
				return err
			}
			if len(args)+len(clients) == 0 {
				return exit.Usage(errors.New("nothing is named, want node ids, serial numbers, fingerprints or --client"))
			}
			for _, arg := range args {
				if err := revokeOne(cmd, f, arg); err != nil {
					return exit.Usage(err)
				}
			}
			for _, client := range clients {
				if err := revokeHolder(cmd, f, identity.ClientName(f.Cluster(), client)); err != nil {
					return exit.Usage(err)
				}
			}
			next(cmd, "nothing when the nodes use %s, else give each its %s; raftmark certs renew ID for who goes on",
				*dir, identity.RevokedFile)
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&clients, "client", nil, "name of a client (repeatable)")
	return cmd
}

// revokeOne revokes what a node's id, a serial number or a fingerprint names. Digits may be an id or a serial number:
// an id that was issued certificates here comes first.
func revokeOne(cmd *cobra.Command, f *identity.Folder, arg string) error {
	if id, err := strconv.ParseUint(arg, 10, 64); err == nil && id > 0 {
		name := identity.PeerName(f.Cluster(), raft.NodeID(id))
		known, err := f.Knows(name)
		if err != nil {
			return err
		}
		if known {
			return revokeHolder(cmd, f, name)
		}
	}
	if !strings.HasPrefix(strings.ToLower(arg), "sha256:") {
		known, err := f.KnowsSerial(arg)
		if err != nil {
			return err
		}
		if !known {
			return fmt.Errorf("%s: no node with that id, and no such serial number, was issued here: nothing is revoked",
				arg)
		}
	}
	if err := f.Revoke(arg, "by hand"); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: revoked\n", arg)
	return nil
}

// revokeHolder revokes all certificates that somebody was issued.
func revokeHolder(cmd *cobra.Command, f *identity.Folder, name identity.Name) error {
	serials, err := f.RevokeHolder(name)
	if err == nil && len(serials) == 0 {
		err = fmt.Errorf("%v: all its certificates are revoked already, or have ended", name)
	}
	for _, serial := range serials {
		fmt.Fprintf(cmd.OutOrStdout(), "%v: serial %s revoked\n", name, serial)
	}
	return err
}

func newCertsRotateCommand(dir *string) *cobra.Command {
	var days int
	var finish bool
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Replace the authority, in two steps, while the cluster runs",
		Long: `Replace the authority while the cluster runs:

  raftmark certs rotate             a new authority, which issues from now on; both are trusted
  (give all nodes ca.crt, and wait until each says "certificates reread")
  raftmark certs renew              certificates of the new one
  (give each node its files, and wait again)
  raftmark certs rotate --finish    the old authority is trusted no more
  (give all nodes ca.crt)`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := openCerts(*dir)
			if err != nil {
				return err
			}
			file := filepath.Join(*dir, identity.AuthorityFile)
			if finish {
				if err := f.DropOld(); err != nil {
					return exit.Usage(fmt.Errorf("%w; see raftmark certs renew", err))
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: trusts the newest authority only\n", file)
				next(cmd, "nothing when the nodes use %s, else give each its %s", *dir, identity.AuthorityFile)
				return nil
			}
			lifetime, err := lifetimeOf("ca-days", days)
			if err != nil {
				return err
			}
			if err := f.Rotate(lifetime); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: a new authority, and those before it\n", file)
			next(cmd, `when all nodes have said "certificates reread": raftmark certs renew --dir %s`, *dir)
			return nil
		},
	}
	cmd.Flags().BoolVar(&finish, "finish", false, "end the trust in the authorities before the newest")
	daysFlag(cmd, &days, "ca-days", identity.AuthorityLifetime)
	return cmd
}

func newCertsShowCommand(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Show the certificates in the folder, and until when they are valid",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := openCerts(*dir)
			if err != nil {
				return err
			}
			entries, err := f.List()
			if err != nil {
				return err
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "FILE\tNAME\tSTATE\tDAYS LEFT\tUNTIL\tSERIAL")
			for _, e := range entries {
				fmt.Fprintf(table, "%s\t%v\t%s\t%d\t%s\t%s\n", filepath.Base(e.File), e.Name, e.State,
					int(time.Until(e.NotAfter)/day), e.NotAfter.UTC().Format(time.DateOnly), e.Serial)
			}
			if err := table.Flush(); err != nil {
				return err
			}
			revoked, err := f.Revoked()
			fmt.Fprintf(cmd.OutOrStdout(), "cluster %s, %d revoked\n", f.Cluster(), revoked)
			return err
		},
	}
}
