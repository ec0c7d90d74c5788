package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/transport/identity"
)

// TestCertificatesOfACluster goes through the life of a folder of certificates, as an operator would.
func TestCertificatesOfACluster(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	certs := func(code exit.Code, says string, args ...string) string {
		t.Helper()
		var stdout, stderr strings.Builder
		got := run(t.Context(), append([]string{"certs", "--dir", dir}, args...), &stdout, &stderr)
		if text := stdout.String() + stderr.String(); exit.Code(got) != code || !strings.Contains(text, says) {
			t.Fatalf("certs %s: exit code %d, want %d; said %q, want %q",
				strings.Join(args, " "), got, code, text, says)
		}
		return stdout.String()
	}
	key := func() string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(dir, identity.AuthorityKeyFile))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	certs(exit.UsageError, "raftmark certs init", "issue", "1")
	certs(exit.OK, "next: raftmark certs issue", "init", "--cluster", "orders")
	first := key()
	certs(exit.RunError, "there is an authority already", "init", "--cluster", "orders")
	certs(exit.OK, "raftmark://orders/peer/2", "issue", "1", "2", "--client", "ops", "--days", "90")
	certs(exit.UsageError, "there is a certificate already", "issue", "2")
	certs(exit.UsageError, "--days: 0, want 1", "renew", "--days", "0")
	certs(exit.UsageError, "nobody is named", "issue")
	certs(exit.UsageError, "client \"a b\"", "issue", "--client", "a b")
	certs(exit.UsageError, "there is no certificate", "renew", "9")
	if key() != first {
		t.Error("the authority was replaced")
	}
	certs(exit.OK, "raftmark://orders/peer/2", "renew", "2")
	if said := certs(exit.OK, "revoked", "revoke", "2"); strings.Count(said, "revoked\n") != 2 {
		t.Errorf("revoke said %q, want the certificate before the renewal, too", said)
	}
	certs(exit.UsageError, "revoked already", "revoke", "2")
	certs(exit.UsageError, "want a serial number", "revoke", "not-a-number")
	if _, err := identity.LoadFiles(identity.FilesIn(dir, 2)); err == nil {
		t.Error("a node may use a certificate that is revoked")
	}
	certs(exit.OK, "certificates reread", "rotate")
	certs(exit.UsageError, "are in use", "rotate", "--finish")
	certs(exit.OK, "node-2.crt: raftmark://orders/peer/2 is revoked: left as it is", "renew")
	certs(exit.UsageError, "client/ops: there is a certificate", "issue", "--client", "other", "--client", "ops")
	certs(exit.OK, "newest authority only", "rotate", "--finish")
	certs(exit.OK, "raftmark://orders/peer/2", "renew", "2")
	shown := certs(exit.OK, "cluster orders, 2 revoked", "show")
	if lines := strings.Split(shown, "\n"); len(lines) != 7 || strings.Count(shown, " ok ") != 4 {
		t.Errorf("shown is\n%s\nwant an authority, two nodes and a client, all in order", shown)
	}
	certs(exit.RunError, "of cluster", "--cluster", "another")
	certsRevokeWhatThereIs(t, dir, certs)
	certs(exit.OK, "nodes 1 to 3", "--cluster", "orders", "--nodes", "3")
	for _, name := range []string{"node-1.key", "node-3.key", "client-ops.key", identity.AuthorityKeyFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want mode 0600", name, info.Mode(), err)
		}
	}
}

// certsRevokeWhatThereIs names by digits, and by mistake, what is to be revoked. The folder had its authority replaced.
func certsRevokeWhatThereIs(t *testing.T, dir string, certs func(exit.Code, string, ...string) string) {
	t.Helper()
	list := func() string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(dir, identity.RevokedFile))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	before := list()
	for _, mistyped := range []string{"9", "1234567890123", "18446744073709551615", "abcdef0123456789", "not-a-number"} {
		certs(exit.UsageError, mistyped, "revoke", mistyped)
	}
	if list() != before {
		t.Errorf("what there is not was revoked:\n%s", list())
	}
	const long = "1234567890123456789" // more digits than ids have as a rule
	certs(exit.OK, "peer/"+long, "issue", long)
	if err := os.Remove(filepath.Join(dir, "node-"+long+".crt")); err != nil {
		t.Fatal(err)
	}
	said := certs(exit.OK, "peer/"+long+": serial", "revoke", long)
	fields := strings.Fields(said)
	if len(fields) < 3 || !strings.Contains(list(), fields[2]+" # ") {
		t.Errorf("said %q, the list is\n%s", said, list())
	}
	issued, err := os.ReadFile(filepath.Join(dir, "issued.txt"))
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(issued), "/authority ")
	if fields = strings.Fields(line); len(fields) == 0 {
		t.Fatalf("no authority is among\n%s", issued)
	}
	certs(exit.OK, fields[0]+": revoked", "revoke", fields[0]) // the one that was replaced
	certs(exit.OK, ": revoked", "revoke", "sha256:"+strings.Repeat("ab", 32))
}
