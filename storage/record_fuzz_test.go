package storage

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/internal/allocation"
	"github.com/raftmark/raftmark/raft"
)

// FuzzRecords reads arbitrary text as each of the record files of a data folder, as it is and with its checksum put
// right: no panic, and a record of peers that is accepted is written back as it was read.
func FuzzRecords(f *testing.F) {
	for _, text := range []string{
		identityHeader + "\ncluster: c\nnode: 1\ndisk: 7\nadoptions: 0\nfile system: 1 2\nfolder: 3 4\nfile: 5 6\n",
		identityHeader2 + "\ncluster: c\nnode: 1\ndisk: 7\n", identityHeader1 + "\ncluster: c\nnode: 1\n",
		incarnationHeader + "\nincarnation: 3\nnonce: 4\nprevious: 5 6\nfile: 1 2\ndisk: 7\nlog: created\n",
		incarnationHeader2 + "\nincarnation: 3\nnonce: 4\nprevious: \nfile: 1 2\n", incarnationHeader1 + "\nincarnation: 3\n",
		peersHeader + "\n2: 7 3 4\n3: 8 9 10 forked\n4: 5\n", peersHeader1 + "\n2: 7\n3: 18446744073709551615\n",
		peersHeader + "\n3: 7 3 4\n2: 8 9 10\n", peersHeader + "\n2: 7 03 4\n",
	} {
		f.Add(text + checksumLine(text))
		f.Add(text)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		allocation.AtMost(t, 2*len(text)+allocation.Slack, func() {
			_, _ = parseRecord(text, peersHeader)
			_, _ = parsePeerLife(text)
			_, _ = parseMark(text)
			_, _ = parseNonces(text)
		})
		for _, content := range []string{text, rightRecord(text)} {
			readRecords(t, dir, content)
		}
	})
}

// rightRecord returns the text as if whoever wrote it had computed its checksum.
func rightRecord(text string) string {
	body := text
	if sum := strings.LastIndex(text, "crc32c: "); sum >= 0 {
		body = text[:sum]
	}
	return body + checksumLine(body)
}

func readRecords(t *testing.T, dir, content string) {
	for _, name := range []string{identityName, incarnationName, peersName} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = readIdentity(dir)
	_, _ = readIncarnation(dir)
	seen, err := readPeers(dir)
	if err != nil {
		return
	}
	if _, ok := seen[raft.None]; ok {
		t.Errorf("%q has a node 0", content)
	}
	if err := writePeers(dir, seen); err != nil {
		t.Fatal(err)
	}
	if again, err := readPeers(dir); err != nil || !reflect.DeepEqual(again, seen) {
		t.Errorf("%+v came back as %+v, %v", seen, again, err)
	}
}
