package identity

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
)

// RevokedMax bounds the entries of a list of revoked certificates: those that have expired need not be on it.
const RevokedMax = 4096

const fingerprintPrefix = "sha256:"

// revocations are the certificates that are refused although they are valid.
type revocations struct {
	serials      map[string]bool // hexadecimal, without leading zeros
	fingerprints map[[sha256.Size]byte]bool
}

// Serial returns the serial number of a certificate, as a list of revoked ones has it: hexadecimal.
func Serial(cert *x509.Certificate) string { return cert.SerialNumber.Text(16) }

// Fingerprint returns the fingerprint of a certificate, as a list of revoked ones may have it: "sha256:" and the
// hash of its DER form, hexadecimal.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return fingerprintPrefix + hex.EncodeToString(sum[:])
}

// parseRevoked reads a list: a serial number or a fingerprint a line; colons, empty lines and what follows a # are
// left out.
func parseRevoked(text []byte) (revocations, error) {
	r := revocations{serials: map[string]bool{}, fingerprints: map[[sha256.Size]byte]bool{}}
	for number, line := range bytes.Split(text, []byte("\n")) {
		entry, _, _ := strings.Cut(string(line), "#")
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		if err := r.add(entry); err != nil {
			return r, fmt.Errorf("line %d: %w", number+1, err)
		}
		if r.len() > RevokedMax {
			return r, fmt.Errorf("more than %d entries", RevokedMax)
		}
	}
	return r, nil
}

func (r *revocations) add(entry string) error {
	digits, isFingerprint := strings.CutPrefix(strings.ToLower(entry), fingerprintPrefix)
	digits = strings.ReplaceAll(digits, ":", "")
	if isFingerprint {
		sum, err := hex.DecodeString(digits)
		if err != nil || len(sum) != sha256.Size {
			return fmt.Errorf("%.100q, want %s and %d hexadecimal digits", entry, fingerprintPrefix, 2*sha256.Size)
		}
		r.fingerprints[[sha256.Size]byte(sum)] = true
		return nil
	}
	serial, err := parseSerial(entry)
	if err == nil {
		r.serials[serial] = true
	}
	return err
}

// parseSerial returns a serial number as [Serial] writes it.
func parseSerial(entry string) (string, error) {
	digits := strings.ReplaceAll(entry, ":", "")
	serial, ok := new(big.Int).SetString(digits, 16)
	if !ok || serial.Sign() <= 0 || len(digits) > 40 {
		return "", fmt.Errorf("%.100q, want a serial number of at most 40 hexadecimal digits, or %s...",
			entry, fingerprintPrefix)
	}
	return serial.Text(16), nil
}

// lost returns how many entries of r are not in next.
func (r *revocations) lost(next *revocations) (n int) {
	for serial := range r.serials {
		if !next.serials[serial] {
			n++
		}
	}
	for sum := range r.fingerprints {
		if !next.fingerprints[sum] {
			n++
		}
	}
	return n
}

func (r *revocations) len() int { return len(r.serials) + len(r.fingerprints) }

func (r *revocations) has(cert *x509.Certificate) bool {
	return r.serials[Serial(cert)] || len(r.fingerprints) > 0 && r.fingerprints[sha256.Sum256(cert.Raw)]
}
