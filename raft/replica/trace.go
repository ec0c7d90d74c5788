package replica

type trace struct{}
