package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/raftmark/raftmark/raft"
)

const (
	pemCertificate = "CERTIFICATE"
	pemKey         = "PRIVATE KEY"
	// fileBytesMax bounds each file, and authoritiesMax the certificates in a file of authorities.
	fileBytesMax   = 1 << 20
	authoritiesMax = 16
)

// Names of what is the same for all nodes, in a folder of certificates.
const (
	AuthorityFile    = "ca.crt"
	AuthorityKeyFile = "ca.key"
	RevokedFile      = "revoked.txt"
)

// Files are the places of a node's identity, in PEM but for the last.
type Files struct {
	// Authority has the certificates of the authorities that the node trusts, Certificate its own, and Key its private
	// key (PKCS #8).
	Authority, Certificate, Key string
	// Revoked lists serial numbers and fingerprints of certificates that are refused, one a line. No such file: none. One
	// that had entries may become empty, but must not vanish while the node runs.
	Revoked string
}

// FilesIn returns where a node's identity is in dir.
func FilesIn(dir string, node raft.NodeID) Files {
	return Files{
		Authority:   filepath.Join(dir, AuthorityFile),
		Certificate: filepath.Join(dir, fmt.Sprintf("node-%d.crt", node)),
		Key:         filepath.Join(dir, fmt.Sprintf("node-%d.key", node)),
		Revoked:     filepath.Join(dir, RevokedFile),
	}
}

// contents are what the files hold.
type contents struct{ authority, certificate, key, revoked []byte }

func (c contents) equal(other contents) bool {
	return bytes.Equal(c.authority, other.authority) && bytes.Equal(c.certificate, other.certificate) &&
		bytes.Equal(c.key, other.key) && bytes.Equal(c.revoked, other.revoked)
}

// read reads all files.
func (f Files) read() (c contents, err error) {
	for _, file := range []struct {
		what, name string
		data       *[]byte
	}{
		{"authority certificate", f.Authority, &c.authority}, {"node certificate", f.Certificate, &c.certificate},
		{"node key", f.Key, &c.key}, {"list of revoked certificates", f.Revoked, &c.revoked},
	} {
		data, err := readBounded(file.name)
		if errors.Is(err, fs.ErrNotExist) && file.name == f.Revoked || f.Revoked == "" && file.name == "" {
			continue
		}
		if err != nil {
			return c, fmt.Errorf("read %s: %w", file.what, err)
		}
		*file.data = data
	}
	return c, nil
}

func readBounded(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, fileBytesMax+1))
	if err == nil && len(data) > fileBytesMax {
		err = fmt.Errorf("%s: more than %d bytes", name, fileBytesMax)
	}
	return data, err
}

// parse makes something of what the files hold.
func (f Files) parse(c contents) (m material, err error) {
	if m.authorities, err = parseCertificates(c.authority); err != nil {
		return m, fmt.Errorf("%s: %w", f.Authority, err)
	}
	if m.pair, err = tls.X509KeyPair(c.certificate, c.key); err != nil {
		return m, fmt.Errorf("%s and %s: %w", f.Certificate, f.Key, err)
	}
	if m.revoked, err = parseRevoked(c.revoked); err != nil {
		return m, fmt.Errorf("%s: %w", f.Revoked, err)
	}
	return m, nil
}

// parseCertificates reads one or several certificates in PEM.
func parseCertificates(text []byte) (certs []*x509.Certificate, err error) {
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != pemCertificate {
			return nil, fmt.Errorf("holds a %s, want certificates only", block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		if certs = append(certs, cert); len(certs) > authoritiesMax {
			return nil, fmt.Errorf("more than %d certificates", authoritiesMax)
		}
	}
	if len(certs) == 0 {
		return nil, errors.New("holds no certificate")
	}
	return certs, nil
}

// LoadFiles reads an identity once, and checks that the key fits the certificate and that an authority vouches for
// it.
func LoadFiles(files Files) (*Identity, error) {
	id, _, err := load(files)
	return id, err
}

func load(files Files) (*Identity, contents, error) {
	c, err := files.read()
	if err != nil {
		return nil, c, err
	}
	m, err := files.parse(c)
	if err != nil {
		return nil, c, err
	}
	id, err := newIdentity(m)
	if err != nil {
		return nil, c, fmt.Errorf("%s: %w", files.Certificate, err)
	}
	return id, c, nil
}

// WriteFiles writes ca.crt and ca.key to dir, which it creates. It does not replace an authority that is there.
func (a *Authority) WriteFiles(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("create certificate folder: %w", err)
	}
	key, err := encodeKey(a.key)
	if err != nil {
		return err
	}
	if err := writeNew(filepath.Join(dir, AuthorityKeyFile), key, 0o600); err != nil {
		return fmt.Errorf("write authority key: %w", err)
	}
	if err := writeNew(filepath.Join(dir, AuthorityFile), encodeCertificates(a.trusted...), 0o644); err != nil {
		return fmt.Errorf("write authority certificate: %w", err)
	}
	return nil
}

// LoadAuthority reads what Authority.WriteFiles wrote. The authority is the one of ca.crt that ca.key is of: the first,
// unless a rotation was cut short.
func LoadAuthority(dir string) (*Authority, error) {
	text, err := readBounded(filepath.Join(dir, AuthorityFile))
	if err != nil {
		return nil, fmt.Errorf("load authority: %w", err)
	}
	trusted, err := parseCertificates(text)
	if err != nil {
		return nil, fmt.Errorf("load authority: %s: %w", filepath.Join(dir, AuthorityFile), err)
	}
	secret, err := readBounded(filepath.Join(dir, AuthorityKeyFile))
	if err != nil {
		return nil, fmt.Errorf("load authority: %w", err)
	}
	var pair tls.Certificate
	for i, cert := range trusted {
		if pair, err = tls.X509KeyPair(encodeCertificates(cert), secret); err == nil {
			trusted = slices.Insert(slices.Delete(trusted, i, i+1), 0, cert)
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("load authority: %s: %w", filepath.Join(dir, AuthorityKeyFile), err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	name, err := NameOf(trusted[0])
	if !ok || err != nil || name.Role != RoleAuthority || !trusted[0].IsCA {
		return nil, fmt.Errorf("load authority: %s holds no authority of raftmark", dir)
	}
	return &Authority{cluster: name.Cluster, cert: trusted[0], key: key, trusted: trusted}, nil
}

// WriteFiles writes the identity to dir, which it creates, at the places of [FilesIn]. A certificate and a key of the
// same node are replaced; ca.crt is written when it is not there.
func (id *Identity) WriteFiles(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("create certificate folder: %w", err)
	}
	now := id.current.Load()
	files := FilesIn(dir, id.node)
	err := writeNew(files.Authority, encodeCertificates(now.authorities...), 0o644)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write authority certificate: %w", err)
	}
	return writePair(files.Certificate, files.Key, now.pair)
}

// writePair replaces a certificate and its key. A node that reads them in between finds that they do not fit, keeps
// what it has and reads them again.
func writePair(certFile, keyFile string, pair tls.Certificate) error {
	key, err := encodeKey(pair.PrivateKey)
	if err != nil {
		return err
	}
	if err := replace(keyFile, key, 0o600); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	if err := replace(certFile, encodeCertificates(pair.Leaf), 0o644); err != nil {
		return fmt.Errorf("write certificate: %w", err)
	}
	return nil
}

func encodeKey(key any) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: der}), nil
}

func encodeCertificates(certs ...*x509.Certificate) []byte {
	var text []byte
	for _, cert := range certs {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: cert.Raw})...)
	}
	return text
}

// writeNew writes a file that must not be there.
func writeNew(name string, data []byte, mode os.FileMode) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Close())
}

// replace puts a new file in the place of one that may be there, at once for whoever reads it, and on disk before it
// returns.
func replace(name string, data []byte, mode os.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".new-*") // for its owner only
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
