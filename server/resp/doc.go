// Package resp serves the Redis protocol (RESP2 and RESP3) with full-duplex connections: requests are
// handed to the handler as they are parsed, many under way at once, and the replies leave in the order of
// the requests.
//
//	        reader goroutine                                         writer goroutine
//	socket ──► parse ──► Handler ──► Begin(call) ──► queue ──► head complete? ──► render ──► socket
//	                        │                          ▲
//	                        └── starts work ── Complete(n) from any goroutine
//
// A handler that can answer at once calls [Conn.Reply]. One that cannot calls [Conn.Begin] with a [Call],
// starts the work, and has [Call.Complete] called when the answer is there:
//
//	func (h *handler) Serve(c *resp.Conn, args [][]byte) {
//		op := &lookup{key: bytes.Clone(args[1])}
//		if c.Begin(&op.call, op, len(op.key)) {
//			go op.run() // ends in op.call.Complete(len(reply))
//		}
//	}
//
// One that answers from a state at the moment of the answer calls [Conn.BeginLate]: its Replier is asked
// when the replies before it were made, so that it sees what they say; and what changes that state calls
// [Conn.AwaitLate] first, so that it does not see what comes after.
//
// Obligations of the handler:
//
//  1. Serve calls Reply or Begin exactly once before it returns, and keeps none of args.
//  2. Complete is called exactly once for each Begin that returned true; the [Replier] is not written to
//     after that.
//  3. A Replier may be asked for its reply, after Complete, on the writer's goroutine; only the replies
//     of its own connection wait for it.
//
// Invariants:
//
//  1. Replies leave in the order of the requests, one for each.
//  2. At most InflightRequestsMax calls of a connection are unanswered; above that, or above
//     InflightBytesMax, or above InflightBytesAllMax of all connections together, the connection is not
//     read, so that the client's own socket pushes back. A call of
//     [Conn.BeginRead] counts with a guess of its reply until that is there, so that the bound holds but
//     for the first of larger replies than before.
//  3. A call that is not complete RequestTimeout after its Begin is answered with Options.TimeoutReply;
//     its late completion is dropped.
//  4. Nothing is allocated for a request before its announced length was checked. A request that is too
//     large is read to its end without being kept and answered with an error; one that is larger than
//     RequestBytesSkipMax ends the connection.
//
// Note: the reader is our own, because redcon's panics on a bulk length near 2^63 and has no cap on what it
// buffers (v1.6.4). The encoding of replies is redcon's.
//
// It does not do TLS, authentication, publish/subscribe or blocking commands.
package resp
