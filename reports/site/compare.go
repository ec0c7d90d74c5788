package site

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/versus"
)

// between stands between the two names of a comparison's folder. No result has it in its name.
const between = ".."

// compare makes the comparisons that were asked for, and those that are there, and returns what the index says of them.
func (s *pages) compare() ([]page.Block, error) {
	dir := filepath.Join(s.dir, compareDir)
	pairs, err := pairsIn(dir)
	if err != nil {
		return nil, err
	}
	asked := map[[2]string]bool{}
	for _, pair := range s.options.Compare {
		asked[pair] = true
		if !slices.Contains(pairs, pair) {
			pairs = append(pairs, pair)
		}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return strings.Compare(a[0]+between+a[1], b[0]+between+b[1]) })
	var links page.Links
	var gaps page.List
	for _, pair := range pairs {
		err := s.comparePair(dir, pair)
		switch {
		case err == nil:
			links = append(links, page.Link{
				Href: compareDir + "/" + pair[0] + between + pair[1] + "/" + pageFile, Text: pair[1] + " against " + pair[0],
			})
		case asked[pair]:
			return nil, fmt.Errorf("compare %s with %s: %w", pair[1], pair[0], err)
		default:
			gaps.Items = append(gaps.Items, fmt.Sprintf("%s against %s cannot be made any more: %v", pair[1], pair[0], err))
		}
	}
	var blocks []page.Block
	if len(links) > 0 {
		blocks = append(blocks, links)
	}
	if len(gaps.Items) > 0 {
		blocks = append(blocks, gaps)
	}
	return blocks, nil
}

func pairsIn(dir string) ([][2]string, error) {
	folders, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var pairs [][2]string
	for _, f := range folders {
		if base, fresh, ok := strings.Cut(f.Name(), between); ok && base != "" && !strings.HasPrefix(base, ".") {
			pairs = append(pairs, [2]string{base, fresh})
		}
	}
	return pairs, err
}

// comparePair makes the page of a pair in the place of an earlier one.
func (s *pages) comparePair(dir string, pair [2]string) error {
	to := filepath.Join(dir, pair[0]+between+pair[1])
	base, err := s.named(pair[0])
	if err != nil {
		return err
	}
	fresh, err := s.named(pair[1])
	if err != nil {
		return err
	}
	c, err := versus.Compare(base, []*result.Result{fresh}, versus.Options{})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(s.dir, ".compare-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	made := filepath.Join(scratch, "page")
	if _, err := c.WritePage(made); err != nil {
		return err
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return os.Rename(made, to)
}

func (s *pages) named(name string) (*result.Result, error) {
	for _, e := range s.entries {
		if e.name != name {
			continue
		}
		if e.result == nil {
			return nil, fmt.Errorf("%s: %w", name, e.fault)
		}
		return e.result, nil
	}
	return nil, fmt.Errorf("%w: the site has no result %s", ErrSource, name)
}
