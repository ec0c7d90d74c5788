package identity

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// Errors of a Folder, matched with errors.Is.
var (
	// ErrAuthorityExists says that a folder has an authority already.
	ErrAuthorityExists = errors.New("there is an authority already")
	// ErrInUse says that certificates in the folder are still of the authority that is to be dropped.
	ErrInUse = errors.New("certificates of the old authority are in use")
)

// Folder is a folder with an authority, its key, and the certificates that it issued: ca.crt, ca.key, node-<id>.crt,
// node-<id>.key, client-<name>.crt, client-<name>.key, revoked.txt, issued.txt. It is where raftmark certs and local
// clusters get their certificates from. Two processes must not change a folder at the same time.
type Folder struct {
	dir       string
	authority *Authority
}

// CreateFolder makes an authority in dir, which is created. One that is there is not replaced: ErrAuthorityExists.
func CreateFolder(dir, cluster string, lifetime time.Duration) (*Folder, error) {
	for _, name := range []string{AuthorityKeyFile, AuthorityFile} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return nil, fmt.Errorf("%w: %s", ErrAuthorityExists, filepath.Join(dir, name))
		}
	}
	authority, err := NewAuthorityFor(cluster, ValidFor(lifetime))
	if err != nil {
		return nil, err
	}
	return &Folder{dir: dir, authority: authority}, authority.WriteFiles(dir)
}

// OpenFolder opens the folder of an authority.
func OpenFolder(dir string) (*Folder, error) {
	authority, err := LoadAuthority(dir)
	if err != nil {
		return nil, err
	}
	return &Folder{dir: dir, authority: authority}, nil
}

// OpenOrCreateFolder opens the folder of an authority of that cluster, or makes one where there is none.
func OpenOrCreateFolder(dir, cluster string) (*Folder, error) {
	if _, err := os.Stat(filepath.Join(dir, AuthorityKeyFile)); errors.Is(err, fs.ErrNotExist) {
		return CreateFolder(dir, cluster, AuthorityLifetime)
	}
	f, err := OpenFolder(dir)
	if err == nil && f.Cluster() != cluster {
		return nil, fmt.Errorf("certificates in %s are of cluster %q, want %q", dir, f.Cluster(), cluster)
	}
	return f, err
}

// Cluster returns the name of the cluster.
func (f *Folder) Cluster() string { return f.authority.cluster }

// Issue makes a key and a certificate, in the place of those that may be there.
func (f *Folder) Issue(name Name, lifetime time.Duration) (Entry, error) {
	if err := name.Validate(); err != nil {
		return Entry{}, fmt.Errorf("issue certificate: %w", err)
	}
	valid := ValidFor(lifetime)
	if end := f.authority.cert.NotAfter; end.Before(valid.NotAfter) {
		return Entry{}, fmt.Errorf("issue certificate of %s until %s: its authority ends on %s",
			name.label(), valid.NotAfter.Format(time.DateOnly), end.Format(time.DateOnly))
	}
	pair, err := f.authority.Sign(name, valid)
	if err != nil {
		return Entry{}, err
	}
	if err := f.record(name, pair.Leaf); err != nil {
		return Entry{}, err
	}
	certFile, keyFile := f.filesOf(name)
	if err := writePair(certFile, keyFile, pair); err != nil {
		return Entry{}, err
	}
	return f.entryOf(certFile)
}

// IssueMissing issues certificates to those nodes that have none that is in order.
func (f *Folder) IssueMissing(ids []raft.NodeID, lifetime time.Duration) error {
	for _, id := range ids {
		name := PeerName(f.Cluster(), id)
		certFile, keyFile := f.filesOf(name)
		_, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err == nil {
			if entry, err := f.entryOf(certFile); err == nil && entry.State == StateOK && entry.Name == name {
				continue
			}
		}
		if _, err := f.Issue(name, lifetime); err != nil {
			return err
		}
	}
	return nil
}

func (f *Folder) filesOf(name Name) (certFile, keyFile string) {
	if name.Role == RoleClient {
		base := filepath.Join(f.dir, "client-"+name.Client)
		return base + ".crt", base + ".key"
	}
	files := FilesIn(f.dir, name.Node)
	return files.Certificate, files.Key
}

// Has reports whether the folder has a certificate of that name.
func (f *Folder) Has(name Name) bool {
	certFile, _ := f.filesOf(name)
	_, err := os.Stat(certFile)
	return err == nil
}

// DropOld ends the trust in all authorities but the newest. It refuses as long as a certificate in the folder is of
// another one: ErrInUse.
func (f *Folder) DropOld() error {
	entries, err := f.List()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.State == StateOldAuthority && e.Name.Role != RoleAuthority {
			return fmt.Errorf("%w: %s", ErrInUse, e.File)
		}
	}
	text := encodeCertificates(f.authority.cert)
	if err := replace(filepath.Join(f.dir, AuthorityFile), text, 0o644); err != nil {
		return fmt.Errorf("write authority certificate: %w", err)
	}
	f.authority.trusted = f.authority.trusted[:1]
	return nil
}

// State says whether a certificate is in order.
type State string

// The states.
const (
	StateOK      State = "ok"
	StateEnds    State = "ends soon" // in the last tenth of its life
	StateExpired State = "expired"
	// StateNotYet: it is not valid yet.
	StateNotYet  State = "not valid yet"
	StateRevoked State = "revoked"
	// StateOldAuthority: it is of an authority that is trusted, and is not the newest.
	StateOldAuthority State = "of an old authority"
	// StateForeign: it is of no authority of this folder.
	StateForeign State = "of another authority"
)

// Entry is one certificate in a folder.
type Entry struct {
	File                string
	Name                Name
	Serial, Fingerprint string
	NotBefore, NotAfter time.Time
	State               State
}

// List returns the certificates in the folder: the authorities, then the nodes by id, then the clients.
func (f *Folder) List() ([]Entry, error) {
	var entries []Entry
	revoked, err := f.revoked()
	if err != nil {
		return nil, err
	}
	for i, cert := range f.authority.trusted {
		e := f.describe(filepath.Join(f.dir, AuthorityFile), cert, &revoked)
		if i > 0 && e.State == StateOK {
			e.State = StateOldAuthority
		}
		entries = append(entries, e)
	}
	authorities := len(entries)
	for _, pattern := range []string{"node-*.crt", "client-*.crt"} {
		found, err := filepath.Glob(filepath.Join(f.dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, name := range found {
			e, err := f.entryOf(name)
			if err != nil {
				return nil, err
			}
			entries = append(entries, e)
		}
	}
	slices.SortStableFunc(entries[authorities:], func(a, b Entry) int {
		if a.Name.Role == b.Name.Role {
			return int(min(max(int64(a.Name.Node)-int64(b.Name.Node), -1), 1))
		}
		return -strings.Compare(string(a.Name.Role), string(b.Name.Role)) // peers before clients
	})
	return entries, nil
}

// Revoked returns how many certificates are on the list of revoked ones.
func (f *Folder) Revoked() (int, error) {
	r, err := f.revoked()
	return r.len(), err
}

func (f *Folder) revoked() (revocations, error) {
	text, err := readBounded(filepath.Join(f.dir, RevokedFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return revocations{}, fmt.Errorf("read revoked certificates: %w", err)
	}
	r, err := parseRevoked(text)
	if err != nil {
		return r, fmt.Errorf("%s: %w", filepath.Join(f.dir, RevokedFile), err)
	}
	return r, nil
}

// Entry returns the certificate of that name.
func (f *Folder) Entry(name Name) (Entry, error) {
	certFile, _ := f.filesOf(name)
	return f.entryOf(certFile)
}

func (f *Folder) entryOf(file string) (Entry, error) {
	text, err := readBounded(file)
	if err != nil {
		return Entry{}, err
	}
	certs, err := parseCertificates(text)
	if err != nil {
		return Entry{}, fmt.Errorf("%s: %w", file, err)
	}
	revoked, err := f.revoked()
	if err != nil {
		return Entry{}, err
	}
	return f.describe(file, certs[0], &revoked), nil
}

func (f *Folder) describe(file string, cert *x509.Certificate, revoked *revocations) Entry {
	name, _ := NameOf(cert) // a stranger's has none
	e := Entry{
		File: file, Name: name, Serial: Serial(cert), Fingerprint: Fingerprint(cert),
		NotBefore: cert.NotBefore, NotAfter: cert.NotAfter, State: StateOK,
	}
	signer := slices.IndexFunc(f.authority.trusted, func(a *x509.Certificate) bool {
		return cert.CheckSignatureFrom(a) == nil
	})
	now := time.Now()
	switch left := cert.NotAfter.Sub(now); {
	case revoked.has(cert):
		e.State = StateRevoked
	case signer < 0 && name.Role != RoleAuthority:
		e.State = StateForeign
	case now.Before(cert.NotBefore):
		e.State = StateNotYet
	case left < 0:
		e.State = StateExpired
	case signer > 0 && name.Role != RoleAuthority:
		e.State = StateOldAuthority
	case left < cert.NotAfter.Sub(cert.NotBefore)/10:
		e.State = StateEnds
	}
	return e
}
