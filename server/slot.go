package server

import "bytes"

// slotCount is the number of slots that the Redis cluster protocol divides the keys into. This cluster has one
// leader, who serves them all; clients still want to hear a slot in each redirection.
const slotCount = 16384

// slotOf returns the slot of a key: of what is between the first '{' and the next '}', when that is not empty.
func slotOf(key []byte) int {
	if open := bytes.IndexByte(key, '{'); open >= 0 {
		if size := bytes.IndexByte(key[open+1:], '}'); size > 0 {
			key = key[open+1 : open+1+size]
		}
	}
	return int(crc16(key)) % slotCount
}

// crc16 is CRC-16/XMODEM: polynomial 0x1021, start 0, not reflected. Bit by bit: it is needed once a
// redirection.
func crc16(b []byte) uint16 {
	var crc uint16
	for _, c := range b {
		crc ^= uint16(c) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			crc <<= 1
			if carry {
				crc ^= 0x1021
			}
		}
	}
	return crc
}
