package page

import _ "embed" // for the style sheet and the script

// styleSheet is put into each page; the marks /*light*/ and /*dark*/ in it make room for the figures' colours.
//
//go:embed style.css
var styleSheet string

// script sorts tables. Nothing on a page needs it to be read.
//
//go:embed script.js
var script string
