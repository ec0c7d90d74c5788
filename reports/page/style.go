package page

import _ "embed" // for the style sheet

// styleSheet is put into each page; the marks /*light*/ and /*dark*/ in it make room for the figures' colours.
//
//go:embed style.css
var styleSheet string

// sortScript is put into pages that ask for it.
//
//go:embed sort.js
var sortScript string
