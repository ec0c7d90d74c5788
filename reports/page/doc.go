// Package page turns a document into one HTML page that needs no network, and into its Markdown twin.
//
//	Document{head, sections of blocks} ──► HTML      figures inline, styles inline
//	                                   ──► Markdown  figures as files beside it
//
// A block is a Paragraph, List, Code, Links, Details, Figure or a *table.Table. Text is plain; what stands between two
// backquotes is code. Nothing else is markup: names and log lines from a result are escaped.
//
// There is no script on a page, but for one of Document.Sortable: it sorts the rows of a table by a column; without it
// they stand in the order of the document.
//
// The page reads from 360 to 1920 pixels without scrolling sideways (wide tables scroll in their own box), in light and
// in dark, on paper, by keyboard and by screen reader: one h1, headings in order, a skip link, captions, row and column
// headers, and a description for each figure.
package page
