package unit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Exit codes of Command, as consumers of type exec read them.
const (
	Done       = 0  // deployed; or confirmed
	Failed     = 1  // deploy: it does not come up with this value; confirm: it runs with something else
	CannotTell = 2  // confirm only
	TryAgain   = 75 // deploy: nothing changed, later perhaps
	BadConfig  = 78 // deploy: nothing changed, and never will
)

// Command is the client: `deploy SOCKET [NAME]` and `confirm SOCKET [NAME]`, NAME
// being ROTOR_UNIT by default. What the supervisor says goes to out; the exit code
// is returned.
func Command(ctx context.Context, args []string, getenv func(string) string, out io.Writer) int {
	if len(args) == 2 {
		args = append(args[:2:2], getenv("ROTOR_UNIT"))
	}
	if len(args) != 3 || args[0] != "deploy" && args[0] != "confirm" || args[2] == "" {
		fmt.Fprintln(out, "usage: rotor demo unit deploy|confirm SOCKET [NAME]")
		return BadConfig
	}
	status, text, err := call(ctx, args[0], args[1], args[2])
	if err != nil {
		fmt.Fprintln(out, err)
	} else {
		fmt.Fprintf(out, "%s: %s\n", args[2], text)
	}
	if args[0] == "confirm" {
		return confirmed(status)
	}
	return deployed(status)
}

func deployed(status int) int {
	switch status {
	case http.StatusOK:
		return Done
	case http.StatusServiceUnavailable, 0:
		return TryAgain
	case http.StatusNotFound, http.StatusFailedDependency:
		return BadConfig
	}
	return Failed
}

func confirmed(status int) int {
	switch status {
	case http.StatusOK:
		return Done
	case http.StatusConflict:
		return Failed
	}
	return CannotTell
}

// call gives status 0 if there was no answer.
func call(ctx context.Context, verb, socket, name string) (int, string, error) {
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}
	method := http.MethodGet
	if verb == "deploy" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://unit/"+verb+"/"+url.PathEscape(name), nil)
	if err != nil {
		return 0, "", errors.New("not the name of a unit")
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return 0, "", errors.New("the demo's supervisor does not answer: is the demo still running?")
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	return resp.StatusCode, strings.TrimSpace(string(text)), err
}
