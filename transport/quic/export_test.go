package quic

// Vanish closes the socket under everything, as the death of the process would: nobody is told.
func (t *Transport) Vanish() error { return t.socket.Close() }
