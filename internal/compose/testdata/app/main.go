// Command app is the service in the tests' compose projects: it reads a key from
// its environment or from a file, does not come up with a bad one, and drains on
// SIGTERM as a good service does: first unhealthy, still serving for a while,
// then gone.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	address = ":8080"
	keyFile = "/run/keys/api_key"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "check" {
		os.Exit(check())
	}
	var key atomic.Value
	key.Store(readKey())
	fmt.Println("started")
	if strings.HasPrefix(readKey(), "bad") {
		fmt.Println("401 the key is refused")
		os.Exit(3)
	}
	serve(&key)
}

func readKey() string {
	if text, err := os.ReadFile(keyFile); err == nil {
		return strings.TrimSpace(string(text))
	}
	return os.Getenv("API_KEY")
}

func check() int {
	resp, err := http.Get("http://127.0.0.1" + address + "/health")
	if err != nil || resp.StatusCode != http.StatusOK {
		return 1
	}
	return 0
}

func serve(key *atomic.Value) {
	var draining atomic.Bool
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		if draining.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/key", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, key.Load().(string))
	})
	server := &http.Server{Addr: address, Handler: mux}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		for s := range signals {
			if s == syscall.SIGHUP {
				key.Store(readKey())
				fmt.Println("reloaded")
				continue
			}
			draining.Store(true)
			wait, _ := time.ParseDuration(os.Getenv("DRAIN"))
			time.Sleep(wait)
			_ = server.Shutdown(context.Background())
		}
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		fmt.Println("listen failed")
		os.Exit(1)
	}
}
