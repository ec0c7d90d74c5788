// Package table holds a table once and writes it as aligned text, as Markdown and as HTML, so that the three cannot
// differ.
//
//	Table{Caption, Columns, Rows} ──► Text, Markdown, HTML
//
// A cell is text that was formatted by its maker. Its Tone says how it is to be seen: a missing value, a bad one.
// Each row's first cell is its header.
package table
