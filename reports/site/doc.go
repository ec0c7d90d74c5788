// Package site makes a static site of many results: an index, trends, comparisons, and each result with its report.
//
//	results ──► Publish ──► SITE/index.html  README.md           what, when, where, what it says
//	                        SITE/NAME/                           a result's files, and its report made anew
//	                        SITE/trends/index.html               metrics over commits
//	                        SITE/compare/BASE..NEW/index.html    what Options.Compare asked for
//	                        SITE/SHA256SUMS                      of everything, in the form of sha256sum(1)
//	Check(SITE)  ◄── the same files, unchanged, each result readable
//
// Smallest use:
//
//	s, err := site.Publish("site", []string{"results/20260102T150405Z-standard"}, site.Options{})
//
// What holds:
//
//  1. A site is a function of the results in it: the same results give the same bytes, in whatever order and in however
//     many calls they came. Publishing again adds; it never changes a result that is there. Another result of the same
//     name is refused.
//  2. A result that Open refuses is refused by name before anything is written. One that was damaged after it was
//     published keeps its row in the index, which says so and shows no figure; Check finds it, too.
//  3. Only the files that a result's SHA256SUMS lists are taken. What else lies in its folder is left behind.
//  4. All links are relative, nothing is loaded from elsewhere: the site serves from any folder, and from a disk.
//  5. A trend joins results of the same scenario, machine, storage, durability and configuration only. A result that is
//     not valid is a gap, as is a value whose sample was too small.
//  6. Folders in the site that are no results are left as they are. They are covered by SHA256SUMS.
//
// Pictures as pixels are left out unless Options.PNG asks for them: pages have their figures within, reports the SVG.
package site
