package etcdclient

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/raftmark/raftmark/loadgen"
)

// unaryAttempts is clientv3.Config.MaxUnaryRetries: the number of attempts, the first one included.
const unaryAttempts = 1

// requestSlack is what a request has beside its value.
const requestSlack = 1 << 20

// server is one server, with clients of its own.
type server struct {
	addr    string
	clients []*clientv3.Client
	next    atomic.Uint64
}

func newServer(addr string, o Options) (*server, error) {
	s := &server{addr: addr}
	for range o.Conns {
		client, err := clientv3.New(clientv3.Config{
			Endpoints: []string{"http://" + addr}, Logger: zap.NewNop(), MaxUnaryRetries: unaryAttempts,
			MaxCallSendMsgSize: loadgen.PayloadMax + requestSlack,
			DialOptions: []grpc.DialOption{
				grpc.WithDisableRetry(), grpc.WithChainUnaryInterceptor(failFast), grpc.WithStatsHandler(sendTimes{o.Clock}),
				grpc.WithConnectParams(grpc.ConnectParams{
					MinConnectTimeout: o.DialTimeout,
					Backoff:           backoff.Config{BaseDelay: o.BackoffMin, Multiplier: 2, MaxDelay: o.BackoffMax},
				}),
			},
		})
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		client.ActiveConnection().Connect() // not with the first operation
		s.clients = append(s.clients, client)
	}
	return s, nil
}

// failFast lets a call fail at once when its server cannot be reached. The client's own default is to wait for that server
// until the deadline, even when another one leads by then.
func failFast(
	ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker,
	opts ...grpc.CallOption,
) error {
	return invoke(ctx, method, req, reply, conn, append(opts, grpc.WaitForReady(false))...)
}

func (s *server) client() *clientv3.Client { return s.clients[s.next.Add(1)%uint64(len(s.clients))] }

// leads asks the server whether it leads, and in which term.
//
// Note: clientv3's Status would open a connection for each question.
func (s *server) leads(ctx context.Context, timeout time.Duration) (bool, uint64) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, err := pb.NewMaintenanceClient(s.clients[0].ActiveConnection()).Status(ctx, &pb.StatusRequest{})
	if err != nil || answer.GetHeader() == nil {
		return false, 0
	}
	return answer.GetLeader() != 0 && answer.GetLeader() == answer.GetHeader().GetMemberId(), answer.GetRaftTerm()
}

func (s *server) close() error {
	var errs []error
	for _, client := range s.clients {
		if err := client.Close(); err != nil && !errors.Is(err, context.Canceled) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
