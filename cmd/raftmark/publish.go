package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/reports/site"
)

// publishFlags are the flags of publish.
type publishFlags struct {
	out     string
	title   string
	png     bool
	compare []string
	check   bool
}

func newPublishCommand() *cobra.Command {
	f := &publishFlags{}
	cmd := &cobra.Command{
		Use:   "publish [DIR...] -o SITE | --check SITE",
		Short: "Make a static site of results, or check one",
		Long: `Add results to a static site, and make its pages: an index that says what, when, where and how good; each
result's report and data under its name; trends over commits; SHA256SUMS of everything.

A site is a function of the results in it: the same ones give the same bytes. Published again into the
same folder, results are added, and none is changed. It needs no network and serves from any folder.
Without DIR the pages are made again from what the site has.

--check says whether anything changed since, and whether each result can still be read.

Exit codes: 0 made, or unchanged; 1 it could not be written; 2 wrong arguments, or a DIR that is no result,
is damaged, of an unknown schema, or has the name of another one; 3 the site has a damaged result, or a
file of it changed.`,
		Example: `  raftmark publish results/20260102T150405Z-standard results/20260102T160000Z-failover -o site
  raftmark publish -o site --compare 20260102T150405Z-standard,20260103T150405Z-standard
  raftmark publish --check site`,
		Args: func(_ *cobra.Command, args []string) error {
			if f.check && len(args) != 1 {
				return exit.Usage(fmt.Errorf("publish --check takes one site, got %d arguments", len(args)))
			}
			if f.check == (f.out != "") {
				return exit.Usage(errors.New("publish takes results and -o SITE, or --check SITE"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.check {
				return checkSite(cmd, args[0])
			}
			return f.run(cmd, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.out, "output", "o", "", "the site's `folder`; it is made, or added to")
	flags.StringVar(&f.title, "title", "", "headline of the index (default \"raftmark: results\")")
	flags.BoolVar(&f.png, "png", false, "keep the figures also as PNG: twice the size")
	flags.StringArrayVar(&f.compare, "compare", nil, "`BASE,NEW`: compare two results of the site; repeatable")
	flags.BoolVar(&f.check, "check", false, "check a site instead")
	return cmd
}

func (f *publishFlags) run(cmd *cobra.Command, args []string) error {
	options := site.Options{Title: f.title, PNG: f.png}
	for _, text := range f.compare {
		base, fresh, ok := strings.Cut(text, ",")
		if !ok || base == "" || fresh == "" {
			return exit.Usage(fmt.Errorf("--compare %s: want BASE,NEW", text))
		}
		options.Compare = append(options.Compare, [2]string{base, fresh})
	}
	p, err := site.Publish(f.out, args, options)
	if errors.Is(err, site.ErrSource) {
		return exit.Usage(err)
	}
	if err != nil {
		return err
	}
	for _, name := range p.Added {
		cmd.Printf("added %s\n", name)
	}
	for _, fault := range p.Damaged {
		cmd.Printf("DAMAGED %s\n", fault)
	}
	cmd.Printf("site: %s, %d results\n", p.Page, p.Results)
	if len(p.Damaged) > 0 {
		return exit.Error{Code: exit.Threshold, Err: fmt.Errorf("%d results of the site are damaged", len(p.Damaged))}
	}
	return nil
}

func checkSite(cmd *cobra.Command, dir string) error {
	problems, err := site.Check(dir)
	if err != nil {
		return exit.Usage(err)
	}
	for _, problem := range problems {
		cmd.Println(problem)
	}
	if len(problems) > 0 {
		return exit.Error{Code: exit.Threshold, Err: fmt.Errorf("%d places of %s are not as published", len(problems), dir)}
	}
	cmd.Printf("%s: unchanged since it was published\n", dir)
	return nil
}
