// Package dragonboat puts github.com/lni/dragonboat/v4 behind bench.System, with its log on Pebble or on tan.
//
//	Propose ──► NodeHost.Propose ──► step worker ──► LogDB (Pebble v1 or tan), one sync a round ──► TCP ──► apply worker
//
// Each node is a NodeHost with one shard. See docs/peers/dragonboat.md for each setting and why.
package dragonboat
