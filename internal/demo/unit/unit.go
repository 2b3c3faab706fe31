// Package unit is the supervisor of the demo's consumer: what systemd or compose
// would be elsewhere. It starts instances, starts them again with a changed .env
// file, and can say whether a running one has taken the change.
//
// Rotor reaches it as it reaches any consumer of type exec, by programs: the
// client of this package's socket (Command) is `rotor demo unit deploy|confirm`.
//
// What surprises: a deploy goes on when the program that asked for it is killed.
// A half-done restart that stopped half-way would leave an instance down.
package unit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// lastAnswers is how long Stop waits for clients to take their answers.
const lastAnswers = 10 * time.Second

// Unit is one part of a consumer.
type Unit interface {
	// Deploy makes it take what its .env file now says and waits until it is well.
	Deploy(ctx context.Context) error
	// Confirm says whether it runs with what its .env file now says.
	Confirm(ctx context.Context) (bool, error)
}

// Server listens on a unix socket from Serve to Stop.
type Server struct {
	units  map[string]Unit
	server *http.Server
	ctx    context.Context // of deploys: outlives the request
	cancel context.CancelFunc
	ended  chan struct{}

	mu      sync.Mutex
	busy    sync.WaitGroup
	stopped bool
}

// Serve listens at the path, which only we may open.
func Serve(socket string, units map[string]Unit) (*Server, error) {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s := &Server{units: units, ended: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	mux := http.NewServeMux()
	mux.HandleFunc("POST /deploy/{name}", s.deploy)
	mux.HandleFunc("GET /confirm/{name}", s.confirm)
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.ended)
		_ = s.server.Serve(listener)
	}()
	return s, nil
}

// Stop cancels deploys under way and waits until their answers are written. The
// units run on.
func (s *Server) Stop() error {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.cancel()
	s.busy.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), lastAnswers)
	defer cancel()
	err := s.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.server.Close())
	}
	<-s.ended
	return err
}

func (s *Server) deploy(w http.ResponseWriter, r *http.Request) {
	u, ok := s.find(w, r)
	if !ok {
		return
	}
	if !s.begin() {
		http.Error(w, "the demo is ending", http.StatusServiceUnavailable)
		return
	}
	defer s.busy.Done()
	var unread *UnreadError
	switch err := u.Deploy(s.ctx); {
	case errors.As(err, &unread):
		http.Error(w, err.Error(), http.StatusFailedDependency)
	case err != nil:
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
	default:
		fmt.Fprintln(w, "deployed")
	}
}

// begin: no deploy starts once Stop waits for those under way.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.busy.Add(1)
	return true
}

func (s *Server) confirm(w http.ResponseWriter, r *http.Request) {
	u, ok := s.find(w, r)
	if !ok {
		return
	}
	switch ok, err := u.Confirm(r.Context()); {
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	case !ok:
		http.Error(w, "not yet", http.StatusConflict)
	default:
		fmt.Fprintln(w, "proven")
	}
}

func (s *Server) find(w http.ResponseWriter, r *http.Request) (Unit, bool) {
	u, ok := s.units[r.PathValue("name")]
	if !ok {
		http.Error(w, "no such unit", http.StatusNotFound)
	}
	return u, ok
}
