package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/bench/cluster"
)

func post(contentType string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/add", strings.NewReader("{}"))
	r.Header.Set("Content-Type", contentType)
	return r
}

// The state file is removed after stop: a request that is under way must not write it again.
func TestKeeperWaitsForRequestsUnderWay(t *testing.T) {
	dir := t.TempDir()
	k, stop, err := keep(&cluster.Cluster{}, dir, clusterState{})
	if err != nil {
		t.Fatal(err)
	}
	begun, goOn := make(chan struct{}), make(chan struct{})
	handler := k.serve(func(context.Context, clusterNode) (clusterNode, error) {
		close(begun)
		<-goOn
		return clusterNode{}, nil
	})
	answer := httptest.NewRecorder()
	go handler(answer, post("application/json"))
	<-begun
	go func() {
		for k.begin() { // until stop has begun
			k.serving.Done()
			runtime.Gosched()
		}
		close(goOn)
	}()
	stop()
	if answer.Code != http.StatusOK || answer.Body.Len() == 0 {
		t.Errorf("after stop: got %d, %q, want that the request was answered", answer.Code, answer.Body)
	}
	if err := os.Remove(filepath.Join(dir, clusterStateFile)); err != nil {
		t.Fatal(err)
	}
	late := httptest.NewRecorder()
	k.serve(k.add)(late, post("application/json"))
	if late.Code != http.StatusServiceUnavailable {
		t.Errorf("after stop: got %d, want %d", late.Code, http.StatusServiceUnavailable)
	}
}

func TestKeeperReadsJSONOnly(t *testing.T) {
	k, stop, err := keep(&cluster.Cluster{}, t.TempDir(), clusterState{})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for _, path := range []string{"/add", "/remove"} {
		r, err := http.Post("http://"+k.state.Keeper+path, "text/plain", strings.NewReader(`{"id": 1}`))
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != http.StatusUnsupportedMediaType {
			t.Errorf("%s of a form of a browser: got %s", path, r.Status)
		}
	}
}
