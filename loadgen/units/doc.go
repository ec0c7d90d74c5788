// Package units reads rates and sizes as people write them on a command line: 5000/s, max, 128B, 4KiB. Rate and Size
// are flag values; their errors name the value and the bound.
package units
