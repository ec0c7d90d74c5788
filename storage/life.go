package storage

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

const (
	incarnationName    = "INCARNATION"
	incarnationHeader  = "raftmark-incarnation 3"
	incarnationHeader2 = "raftmark-incarnation 2" // without disk and log; still read
	incarnationHeader1 = "raftmark-incarnation 1" // without nonces and origin; still read

	// PreviousMax is how many lives before its own a life names. Raised, a peer that has missed more lives still finds
	// out that the one it saw was not among them; each takes 8 bytes of every greeting.
	PreviousMax = 16
)

// Life is what one claim of a data folder is known by to peers: they remember it, and see by the next one whether that
// comes after it.
type Life struct {
	// Disk is the id of the folder, drawn when it was created; 0 is a node that keeps nothing on a disk.
	Disk uint64
	// Incarnation is how often the folder has been claimed, this time included.
	Incarnation uint64
	// Nonce was drawn for this claim, so that two of the same number can be told apart.
	Nonce uint64
	// Previous are the nonces of the claims before it, the last one first, at most PreviousMax.
	Previous []uint64
}

// next returns the life after l.
func (l Life) next() Life {
	n := Life{Disk: l.Disk, Incarnation: l.Incarnation + 1, Nonce: newNonce()}
	if l.Nonce != 0 {
		n.Previous = append([]uint64{l.Nonce}, l.Previous[:min(len(l.Previous), PreviousMax-1)]...)
	}
	return n
}

// after reports whether l is the life with that incarnation and nonce, of the same disk, or one that came after it.
// known says whether l goes back far enough to tell; otherwise only its incarnation was compared.
func (l Life) after(incarnation, nonce uint64) (ok, known bool) {
	switch back := l.Incarnation - incarnation; {
	case l.Incarnation < incarnation:
		return false, true
	case back == 0:
		return l.Nonce == nonce, true
	case back <= uint64(len(l.Previous)):
		return l.Previous[back-1] == nonce, true
	default:
		return true, false
	}
}

// lived is what the record of a life says.
type lived struct {
	life       Life // without a disk before version 3
	logCreated bool // see Claim.NoteLog
	file       mark // what it was written to; zero in version 1
	old        bool // before version 3, so that there may be no PEERS
}

func incarnationFields() []string {
	return []string{"incarnation", "nonce", "previous", "file", "disk", "log"}
}

// readIncarnation returns the record of the folder's last life.
func readIncarnation(dir string) (lived, error) {
	values, err := readRecordFile(dir, incarnationName, incarnationHeader, incarnationFields()...)
	if errors.Is(err, ErrFormat) {
		if last, oldErr := readOldIncarnation(dir); oldErr == nil {
			return last, nil
		}
	}
	if err != nil {
		return lived{}, err
	}
	last, err := parseIncarnation(values)
	disk, diskErr := parsePositive("disk", values[4])
	last.life.Disk, last.logCreated = disk, values[5] == logCreatedWord
	var logErr error
	if !last.logCreated && values[5] != noLogWord {
		logErr = fmt.Errorf("log %q, want %q or %q: %w", values[5], logCreatedWord, noLogWord, ErrCorrupt)
	}
	return last, errors.Join(err, diskErr, logErr)
}

// readOldIncarnation reads what versions 1 and 2 wrote.
func readOldIncarnation(dir string) (lived, error) {
	if values, err := readRecordFile(dir, incarnationName, incarnationHeader1, "incarnation"); err == nil {
		incarnation, err := parsePositive("incarnation", values[0])
		return lived{life: Life{Incarnation: incarnation}, old: true}, err
	}
	values, err := readRecordFile(dir, incarnationName, incarnationHeader2, incarnationFields()[:4]...)
	if err != nil {
		return lived{}, err
	}
	last, err := parseIncarnation(values)
	last.old = true
	return last, err
}

// parseIncarnation parses the fields that versions 2 and 3 have.
func parseIncarnation(values []string) (lived, error) {
	incarnation, incarnationErr := parsePositive("incarnation", values[0])
	nonce, nonceErr := parsePositive("nonce", values[1])
	previous, previousErr := parseNonces(values[2])
	file, fileErr := parseMark(values[3])
	return lived{life: Life{Incarnation: incarnation, Nonce: nonce, Previous: previous}, file: file},
		errors.Join(incarnationErr, nonceErr, previousErr, fileErr)
}

const (
	logCreatedWord = "created"
	noLogWord      = "none"
)

func writeIncarnation(dir string, l Life, logCreated bool) error {
	logWord := noLogWord
	if logCreated {
		logWord = logCreatedWord
	}
	return writeRecordOf(dir, incarnationName, incarnationHeader, func(file *os.File) ([]field, error) {
		from, err := originOf(dir, file)
		return []field{
			{"incarnation", strconv.FormatUint(l.Incarnation, 10)},
			{"nonce", strconv.FormatUint(l.Nonce, 10)},
			{"previous", formatNonces(l.Previous)},
			{"file", from.file.String()},
			{"disk", strconv.FormatUint(l.Disk, 10)},
			{"log", logWord},
		}, err
	})
}

const noNonces = "none"

func formatNonces(nonces []uint64) string {
	if len(nonces) == 0 {
		return noNonces
	}
	var words []string
	for _, n := range nonces {
		words = append(words, strconv.FormatUint(n, 10))
	}
	return strings.Join(words, " ")
}

func parseNonces(text string) ([]uint64, error) {
	if text == noNonces {
		return nil, nil
	}
	words := strings.SplitN(text, " ", PreviousMax+1)
	if len(words) > PreviousMax {
		return nil, fmt.Errorf("found more than %d nonces: %w", PreviousMax, ErrCorrupt)
	}
	nonces := make([]uint64, len(words))
	for i, word := range words {
		var err error
		if nonces[i], err = parsePositive("nonce", word); err != nil {
			return nil, err
		}
	}
	return nonces, nil
}
