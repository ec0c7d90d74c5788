package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
)

const (
	// lookTimeout bounds one question about who leads: a node may be paused.
	lookTimeout = 2 * time.Second
	// retryPause is the time between two tries.
	retryPause = 50 * time.Millisecond
	// answerBytesMax bounds what is read of an answer.
	answerBytesMax = 1 << 20
)

// Sentinels, matched with errors.Is.
var (
	// ErrUnknown says that a request was sent and not answered: it may have been done, or may be later.
	ErrUnknown = errors.New("outcome not known")
	// ErrNoAnswer says that none of the nodes answers.
	ErrNoAnswer = errors.New("no node answers")
	// ErrNoLeader says that none of the nodes leads.
	ErrNoLeader = errors.New("no leader")
	// ErrOtherAddress says that the node is a member already, under other addresses.
	ErrOtherAddress = errors.New("other addresses")
)

// Client talks to the nodes of one cluster. Its methods may be called concurrently.
type Client struct {
	http *http.Client

	mu     sync.Mutex
	admins []string // those given, and those that nodes have named
}

// New returns a client that knows the admin ports of some nodes, at least one.
func New(admins ...string) *Client {
	return &Client{
		http:   &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Second}},
		admins: slices.Clone(admins),
	}
}

// Members asks all nodes that are known, and returns the answer of the leader. When nobody leads it returns
// the answer of the node with the highest term, and an error that wraps ErrNoLeader; when nobody answers,
// one that wraps ErrNoAnswer.
func (c *Client) Members(ctx context.Context) (server.MembersAnswer, error) {
	now, err := c.look(ctx)
	return now.MembersAnswer, err
}

// AwaitMembers is Members, again and again until there is a leader or ctx ends. That nobody answers is final.
func (c *Client) AwaitMembers(ctx context.Context) (server.MembersAnswer, error) {
	now, err := c.leaderWithin(ctx)
	return now.MembersAnswer, err
}

// seen is an answer and the admin port that it came from.
type seen struct {
	server.MembersAnswer
	from string
}

func (c *Client) look(ctx context.Context) (seen, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	var best seen
	var errs []error
	asked := map[string]bool{}
	for {
		todo := c.notIn(asked)
		if len(todo) == 0 {
			break
		}
		answers := make([]seen, len(todo))
		failures := make([]error, len(todo))
		var wg sync.WaitGroup
		for i, address := range todo {
			asked[address] = true
			answers[i].from = address
			wg.Go(func() { failures[i] = c.call(ctx, address, http.MethodGet, "/members", nil, &answers[i].MembersAnswer) })
		}
		wg.Wait()
		for i := range answers {
			if failures[i] != nil {
				errs = append(errs, fmt.Errorf("%s: %w", todo[i], failures[i]))
				continue
			}
			c.learn(answers[i].Membership)
			if better(&answers[i].MembersAnswer, &best.MembersAnswer) {
				best = answers[i]
			}
		}
		if leads(&best.MembersAnswer) {
			return best, nil
		}
	}
	if best.Node == raft.None {
		return best, fmt.Errorf("%w: %s", ErrNoAnswer, oneLine(errors.Join(errs...)))
	}
	return best, fmt.Errorf("%w: node %d, of term %d, says so", ErrNoLeader, best.Node, best.Term)
}

func leads(a *server.MembersAnswer) bool { return a.Node != raft.None && a.Leader == a.Node }

func better(a, than *server.MembersAnswer) bool {
	if leads(a) != leads(than) {
		return leads(a)
	}
	return than.Node == raft.None || a.Term > than.Term
}

// notIn returns the admin ports that are not in asked.
func (c *Client) notIn(asked map[string]bool) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.admins), func(a string) bool { return asked[a] })
}

// learn notes the admin ports of the members.
func (c *Client) learn(m server.Membership) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range m.Members {
		if a := m.Members[i].Admin; a != "" && !slices.Contains(c.admins, a) && len(c.admins) < 4*raft.MembersMax {
			c.admins = append(c.admins, a)
		}
	}
}

// Change makes the changes, all at once, and returns the membership that they led to.
func (c *Client) Change(ctx context.Context, changes ...server.MemberChange) (server.MembersAnswer, error) {
	var answer server.MembersAnswer
	err := c.atLeader(ctx, "/members", server.MembersRequest{Changes: changes}, &answer)
	return answer, err
}

// Transfer hands leadership to a node, or to whoever is best prepared when that is raft.None, and returns
// who leads then.
func (c *Client) Transfer(ctx context.Context, to raft.NodeID) (raft.NodeID, error) {
	if to == raft.None {
		var answer server.MembersAnswer
		err := c.atLeader(ctx, "/transfer", server.TransferRequest{}, &answer)
		return answer.Leader, err
	}
	if now, err := c.Members(ctx); err == nil && now.Leader == to {
		return to, nil
	}
	err := c.atLeader(ctx, "/transfer", server.TransferRequest{To: to}, &server.MembersAnswer{})
	return to, err
}

// Compact compacts the log of the node with that admin port.
func (c *Client) Compact(ctx context.Context, admin string) (server.SnapshotAnswer, error) {
	var answer server.SnapshotAnswer
	err := c.call(ctx, admin, http.MethodPost, "/snapshot", struct{}{}, &answer)
	return answer, err
}

// Add is AddLearner; then it waits until the server has caught up, and promotes it. It tells progress, when
// that is not nil, how it goes.
func (c *Client) Add(ctx context.Context, add server.MemberChange, progress func(server.MembersAnswer)) error {
	if err := c.AddLearner(ctx, add); err != nil {
		return err
	}
	return c.Promote(ctx, progress, server.MemberChange{Op: "promote", ID: add.ID})
}

// AddLearner adds a server as a learner, unless it is one already: then it must have been added with the same
// addresses, which stay as they are.
func (c *Client) AddLearner(ctx context.Context, add server.MemberChange) error {
	now, err := c.leaderWithin(ctx)
	if err != nil {
		return err
	}
	if m, ok := member(now.Membership, add.ID); ok && m.Role == server.RoleLearner {
		if has, want := m.Encode(), add.Encode(); has != want {
			return fmt.Errorf("%w: node %d was added with %s, not %s; remove it, and add it under an id that was never used",
				ErrOtherAddress, add.ID, has, want)
		}
		return nil
	}
	add.Op = "add"
	_, err = c.Change(ctx, add)
	return err
}

// Promote makes the changes, among which some promote learners, and waits until these have caught up.
func (c *Client) Promote(
	ctx context.Context, progress func(server.MembersAnswer), changes ...server.MemberChange,
) error {
	for {
		_, err := c.Change(ctx, changes...)
		var refused server.AdminError
		if !errors.As(err, &refused) || refused.Code != server.CodeNotCaughtUp {
			return err
		}
		if now, err := c.Members(ctx); err == nil && progress != nil {
			progress(now)
		}
		if pauseErr := pause(ctx); pauseErr != nil {
			return err
		}
	}
}

func member(m server.Membership, id raft.NodeID) (server.Member, bool) {
	i := slices.IndexFunc(m.Members, func(m server.Member) bool { return m.ID == id })
	if i < 0 {
		return server.Member{}, false
	}
	return m.Members[i], true
}

// leaderWithin is AwaitMembers, with where the answer came from. A look that ctx cuts short says less than the one
// before it.
func (c *Client) leaderWithin(ctx context.Context) (seen, error) {
	var last seen
	var lastErr error
	for {
		now, err := c.look(ctx)
		if lastErr != nil && err != nil && ctx.Err() != nil {
			return last, lastErr
		}
		if err == nil || errors.Is(err, ErrNoAnswer) {
			return now, err
		}
		last, lastErr = now, err
		if pause(ctx) != nil {
			return now, err
		}
	}
}

// atLeader sends a request to the leader, and again when it is refused for a reason that passes.
func (c *Client) atLeader(ctx context.Context, path string, body, into any) error {
	for {
		now, err := c.leaderWithin(ctx)
		if err != nil {
			return err
		}
		err = c.call(ctx, now.from, http.MethodPost, path, body, into)
		if !passes(err) || pause(ctx) != nil {
			return err
		}
	}
}

// passes reports whether err is a refusal that passes by itself.
func passes(err error) bool {
	var refused server.AdminError
	if !errors.As(err, &refused) {
		return false
	}
	switch refused.Code {
	case server.CodeNotLeader, server.CodeTermNotCommitted, server.CodeTransferring:
		return true
	default:
		return false
	}
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(retryPause):
		return nil
	}
}

// call makes one request.
func (c *Client) call(ctx context.Context, address, method, path string, body, into any) error {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+address+path, content)
	if err != nil {
		return err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return lost(method, errors.Unwrap(err)) // without the URL, which the caller names
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, answerBytesMax))
	if err != nil {
		return lost(method, err)
	}
	if response.StatusCode == http.StatusOK {
		return json.Unmarshal(text, into)
	}
	var refused server.AdminError
	if err := json.Unmarshal(text, &refused); err != nil || refused.Err == "" {
		return fmt.Errorf("%s: %.200s", response.Status, strings.TrimSpace(string(text)))
	}
	if refused.Code == server.CodeUnknown {
		return fmt.Errorf("%w: %w", ErrUnknown, refused)
	}
	return refused
}

// lost is the error of a request that got no answer. One that could not even connect did nothing.
func lost(method string, err error) error {
	if method == http.MethodGet || errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnknown, err)
}

func oneLine(err error) string {
	if err == nil {
		return "none is known"
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}
