package identity

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/raftmark/raftmark/raft"
)

const (
	pemCertificate = "CERTIFICATE"
	pemKey         = "PRIVATE KEY"
)

// Files are the places of a node's identity, in PEM.
type Files struct {
	// Authority is the certificate of the authority, Certificate the node's, and Key its private key (PKCS #8).
	Authority, Certificate, Key string
}

// FilesIn returns where WriteFiles puts a node's identity in dir.
func FilesIn(dir string, node raft.NodeID) Files {
	return Files{
		Authority:   filepath.Join(dir, "ca.crt"),
		Certificate: filepath.Join(dir, fmt.Sprintf("node-%d.crt", node)),
		Key:         filepath.Join(dir, fmt.Sprintf("node-%d.key", node)),
	}
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
	if err := writeNew(filepath.Join(dir, "ca.key"), key, 0o600); err != nil {
		return fmt.Errorf("write authority key: %w", err)
	}
	if err := writeNew(filepath.Join(dir, "ca.crt"), encodeCertificate(a.cert.Raw), 0o644); err != nil {
		return fmt.Errorf("write authority certificate: %w", err)
	}
	return nil
}

// LoadAuthority reads what Authority.WriteFiles wrote.
func LoadAuthority(dir string) (*Authority, error) {
	pair, err := loadPair(filepath.Join(dir, "ca.crt"), filepath.Join(dir, "ca.key"))
	if err != nil {
		return nil, fmt.Errorf("load authority: %w", err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA || len(pair.Leaf.URIs) != 1 || pair.Leaf.URIs[0].Scheme != uriScheme {
		return nil, fmt.Errorf("load authority: %s holds no authority of raftmark", dir)
	}
	return &Authority{cluster: pair.Leaf.URIs[0].Host, cert: pair.Leaf, key: key}, nil
}

// WriteFiles writes the identity to dir, which it creates, at the places of [FilesIn]. A certificate and a key of the
// same node are replaced; ca.crt is written when it is not there.
func (id *Identity) WriteFiles(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("create certificate folder: %w", err)
	}
	key, err := encodeKey(id.cert.PrivateKey)
	if err != nil {
		return err
	}
	files := FilesIn(dir, id.node)
	err = writeNew(files.Authority, encodeCertificate(id.authority.Raw), 0o644)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write authority certificate: %w", err)
	}
	if err := os.WriteFile(files.Key, key, 0o600); err != nil {
		return fmt.Errorf("write node key: %w", err)
	}
	if err := os.WriteFile(files.Certificate, encodeCertificate(id.cert.Certificate[0]), 0o644); err != nil {
		return fmt.Errorf("write node certificate: %w", err)
	}
	return nil
}

// LoadFiles reads an identity and checks that the key fits the certificate and that the authority vouches for it.
func LoadFiles(files Files) (*Identity, error) {
	data, err := os.ReadFile(files.Authority)
	if err != nil {
		return nil, fmt.Errorf("load authority certificate: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != pemCertificate {
		return nil, fmt.Errorf("load authority certificate: %s holds no certificate", files.Authority)
	}
	authority, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse authority certificate %s: %w", files.Authority, err)
	}
	pair, err := loadPair(files.Certificate, files.Key)
	if err != nil {
		return nil, fmt.Errorf("load identity: %w", err)
	}
	id, err := newIdentity(authority, pair)
	if err != nil {
		return nil, fmt.Errorf("load identity %s: %w", files.Certificate, err)
	}
	return id, nil
}

func loadPair(certFile, keyFile string) (tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	if pair.Leaf == nil {
		pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0])
	}
	return pair, err
}

func encodeKey(key any) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: der}), nil
}

func encodeCertificate(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: der})
}

func writeNew(name string, data []byte, mode os.FileMode) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Close())
}
