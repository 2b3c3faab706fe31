package doubles

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Door is a double as somebody who tries Rotor sees it: an API below /Name, and words
// that say how to configure it. {base} in them becomes the address of the door.
type Door struct {
	Name  string // path prefix, of [a-z0-9-]
	API   http.Handler
	Words []string
}

// Serve opens all doors on one loopback address, says where they are, and blocks
// until ctx ends.
func Serve(ctx context.Context, listen string, out io.Writer, doors ...Door) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("listen: %q is not host:port", listen)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("listen: %s is not a loopback address; doubles keep no secrets", host)
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	for _, d := range doors {
		mux.Handle("/"+d.Name+"/", http.StripPrefix("/"+d.Name, d.API))
		base := "http://" + l.Addr().String() + "/" + d.Name
		fmt.Fprintf(out, "%s:\n  %s\n", d.Name, strings.ReplaceAll(strings.Join(d.Words, "\n  "), "{base}", base))
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
