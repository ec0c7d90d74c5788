package identity

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// issuedFile lists the certificates that were issued, and the authorities that were replaced, a line each: name, serial
// number, last day.
const issuedFile = "issued.txt"

// record adds a certificate to the list of issued ones.
func (f *Folder) record(name Name, cert *x509.Certificate) error {
	file, err := os.OpenFile(filepath.Join(f.dir, issuedFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("record certificate: %w", err)
	}
	_, err = fmt.Fprintf(file, "%v %s %s\n", name, Serial(cert), cert.NotAfter.UTC().Format(time.DateOnly))
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("record certificate: %w", err)
	}
	return nil
}

// issuedLine is a line of the list of issued certificates.
type issuedLine struct{ name, serial, lastDay string }

// issued reads the list of issued certificates; there may be none.
func (f *Folder) issued() (lines []issuedLine, err error) {
	text, err := os.ReadFile(filepath.Join(f.dir, issuedFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read issued certificates: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 {
			lines = append(lines, issuedLine{fields[0], fields[1], fields[2]})
		}
	}
	return lines, nil
}

// Knows reports whether the folder has a certificate of that name, or had one: its file may be gone.
func (f *Folder) Knows(name Name) (bool, error) {
	if f.Has(name) {
		return true, nil
	}
	lines, err := f.issued()
	return slices.ContainsFunc(lines, func(l issuedLine) bool { return l.name == name.String() }), err
}

// KnowsSerial reports whether a certificate with that serial number was issued here, or is, or was, an authority's.
// What is no serial number is an error.
func (f *Folder) KnowsSerial(serial string) (bool, error) {
	serial, err := parseSerial(serial)
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(f.authority.trusted, func(a *x509.Certificate) bool { return Serial(a) == serial }) {
		return true, nil
	}
	lines, err := f.issued()
	return slices.ContainsFunc(lines, func(l issuedLine) bool { return l.serial == serial }), err
}

// RevokeHolder revokes all certificates of that name that were issued here and have not ended, and returns their serial
// numbers: connections may have been made with any of them. Those that are revoked already are not among them. The
// list of issued ones is enough when the certificate's file is gone or damaged.
func (f *Folder) RevokeHolder(name Name) (serials []string, err error) {
	lines, err := f.issued()
	if err != nil {
		return nil, err
	}
	revoked, err := f.revoked()
	if err != nil {
		return nil, err
	}
	today, known := time.Now().UTC().Format(time.DateOnly), false
	for _, l := range lines {
		if l.name != name.String() {
			continue
		}
		known = true
		if l.lastDay >= today {
			serials = append(serials, l.serial)
		}
	}
	entry, err := f.Entry(name)
	switch {
	case err == nil && !slices.Contains(serials, entry.Serial):
		serials = append(serials, entry.Serial)
	case err != nil && !known:
		return nil, err
	}
	serials = slices.DeleteFunc(serials, func(s string) bool { return revoked.serials[s] })
	for _, serial := range serials {
		if err := f.Revoke(serial, name.String()); err != nil {
			return nil, err
		}
	}
	return serials, nil
}

// Revoke puts a serial number or a fingerprint on the list of revoked certificates, with a comment of one line. Whether
// there is such a certificate is not asked; see [Folder.KnowsSerial].
func (f *Folder) Revoke(serialOrFingerprint, comment string) error {
	name := filepath.Join(f.dir, RevokedFile)
	text, err := readBounded(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read revoked certificates: %w", err)
	}
	if len(text) > 0 && !strings.HasSuffix(string(text), "\n") {
		text = append(text, '\n')
	}
	text = fmt.Appendf(text, "%s # %s, %s\n", serialOrFingerprint, time.Now().UTC().Format(time.DateOnly),
		strings.Join(strings.Fields(comment), " "))
	if _, err := parseRevoked(text); err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	if err := replace(name, text, 0o644); err != nil {
		return fmt.Errorf("write revoked certificates: %w", err)
	}
	return nil
}
