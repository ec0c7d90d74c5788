package identity

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// fileChange is a file of a folder that is written or replaced, at once for whoever reads it.
type fileChange struct {
	what, name string
	data       []byte
	mode       os.FileMode
}

func (c fileChange) apply() error {
	if err := replace(c.name, c.data, c.mode); err != nil {
		return fmt.Errorf("write %s: %w", c.what, err)
	}
	return nil
}

// Rotate makes a new authority, which issues from now on; the old one stays trusted until DropOld. The key of the old
// one is kept under another name. A crash at any moment leaves a folder that has one of the two and can be rotated.
func (f *Folder) Rotate(lifetime time.Duration) error {
	next, err := NewAuthorityFor(f.Cluster(), ValidFor(lifetime))
	if err != nil {
		return err
	}
	next.trusted = append(next.trusted, f.authority.trusted...)
	if len(next.trusted) > authoritiesMax {
		return fmt.Errorf("rotate authority: %d would be trusted, want at most %d: drop the old ones first",
			len(next.trusted), authoritiesMax)
	}
	old, err := NameOf(f.authority.cert)
	if err != nil {
		return err
	}
	changes, err := f.rotation(next)
	if err != nil {
		return err
	}
	if err := f.record(old, f.authority.cert); err != nil {
		return err
	}
	for _, c := range changes {
		if err := c.apply(); err != nil {
			if now, loadErr := LoadAuthority(f.dir); loadErr == nil {
				f.authority = now
			}
			return err
		}
	}
	f.authority = next
	return nil
}

// rotation returns what is written, in this order, to make next the authority. The folder's authority is the one of
// ca.crt that ca.key is of, and after each change there is one.
func (f *Folder) rotation(next *Authority) ([]fileChange, error) {
	oldKey, err := encodeKey(f.authority.key)
	if err != nil {
		return nil, err
	}
	key, err := encodeKey(next.key)
	if err != nil {
		return nil, err
	}
	certFile := filepath.Join(f.dir, AuthorityFile)
	both := encodeCertificates(append(slices.Clone(f.authority.trusted), next.cert)...)
	return []fileChange{
		{"old authority key", filepath.Join(f.dir, "ca-"+Serial(f.authority.cert)+".key"), oldKey, 0o600},
		{"authority certificate", certFile, both, 0o644},
		{"authority key", filepath.Join(f.dir, AuthorityKeyFile), key, 0o600},
		{"authority certificate", certFile, encodeCertificates(next.trusted...), 0o644},
	}, nil
}
