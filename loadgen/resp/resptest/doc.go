// Package resptest is a server of known behaviour for trying the instrument on: real TCP, SET, GET, INCR and CAS on a
// map, and on command stalls, error replies, silence and sudden death. With no behaviour set it is the null server,
// which answers as fast as it can read: what a generator reaches against it is the generator's ceiling.
//
//	s, err := resptest.Start()
//	defer s.Close()
//	s.Answer(func(r resptest.Request) []byte { return redcon.AppendError(nil, "MOVED 0 127.0.0.1:7002") })
//	s.StallFor(100 * time.Millisecond)
//
// It listens on 127.0.0.1 only, and is not a model of a raft cluster.
package resptest
