// Package page turns a document into one HTML page that needs no network, and into its Markdown twin.
//
//	Document{head, sections of blocks} ──► HTML      figures inline, styles inline
//	                                   ──► Markdown  figures as files beside it
//
// A block is a Paragraph, List, Code, Links, Details, Figure or a *table.Table. Text is plain; what stands between two
// backquotes is code. Nothing else is markup: names and log lines from a result are escaped.
//
// A click, or Enter, on the head of a column sorts its table, a third one brings back the order of the document; the
// pointer on a rounded number shows all of its digits. The script is inline too; a page without it says the same.
//
// The page reads from 360 to 1920 pixels without scrolling sideways (wide tables scroll in their own box), in light and
// in dark, on paper, by keyboard and by screen reader: one h1, headings in order, a skip link, captions, row and column
// headers, and a description for each figure. make check-page opens fixtures in a browser and looks for what breaks
// these promises.
package page
