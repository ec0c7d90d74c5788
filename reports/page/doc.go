// Package page turns a document into one HTML page that needs no network, and into its Markdown twin.
//
//	Document{head, sections of blocks} ──► HTML      figures inline, styles inline, no script
//	                                   ──► Markdown  figures as files beside it
//
// A block is a Paragraph, List, Code, Links, Details, Figure or a *table.Table. Text is plain; what stands between two
// backquotes is code. Nothing else is markup: names and log lines from a result are escaped.
//
// The page reads from 360 to 1920 pixels without scrolling sideways (wide tables scroll in their own box), in light and
// in dark, on paper, by keyboard and by screen reader: one h1, headings in order, a skip link, captions, row and column
// headers, and a description for each figure.
package page
