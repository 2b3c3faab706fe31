package doubles

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Serve opens all doors on one loopback address, says where they are, and blocks
// until ctx ends. into is a folder in which a rotor.yaml and what belongs to it are
// written first, or "".
func Serve(ctx context.Context, listen, into string, out io.Writer, doors ...Door) error {
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
	}
	address := "http://" + l.Addr().String()
	if into != "" {
		if err := install(into, address, doors); err != nil {
			l.Close()
			return err
		}
		fmt.Fprintf(out, "Doubles listen on %s. To try them:\n  cd %s && . ./doubles.env && rotor config trust && rotor plan\n", address, into)
	} else {
		for _, d := range doors {
			d.describe(out, address)
		}
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
