package upstash

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/agenticverz/rotor/doubles"
	"github.com/agenticverz/rotor/internal/resp"
)

func (d *Double) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		d.mu.Lock()
		d.conns[conn] = true
		d.mu.Unlock()
		go func() {
			defer func() {
				conn.Close()
				d.mu.Lock()
				defer d.mu.Unlock()
				delete(d.conns, conn)
			}()
			d.session(conn)
		}()
	}
}

// session is one client's connection, with one to the backend behind it.
func (d *Double) session(conn net.Conn) {
	behind, err := d.backend.Open(d.done)
	if err != nil {
		return
	}
	defer behind.Close()
	in := bufio.NewReader(conn)
	for {
		args, err := command(in)
		if err != nil || len(args) == 0 {
			return
		}
		fate := d.Next("RESP", "/"+strings.ToUpper(strings.Join(args[:min(2, len(args))], "/")))
		if fate == doubles.DropBefore {
			return
		}
		answer, err := d.do(d.done, behind, args)
		var refusal *resp.Error
		if err != nil && !errors.As(err, &refusal) || fate == doubles.DropAfter {
			return // the backend hung up: the user is gone
		}
		if err != nil {
			answer = refusal
		}
		if _, err := io.WriteString(conn, encode(answer)); err != nil {
			return
		}
	}
}

// command reads an array of strings.
func command(in *bufio.Reader) ([]string, error) {
	n, err := number(in, '*')
	if err != nil || n < 0 || n > 1024 {
		return nil, errors.Join(err, io.ErrUnexpectedEOF)
	}
	out := make([]string, 0, n)
	for range n {
		size, err := number(in, '$')
		if err != nil || size < 0 || size > 1<<20 {
			return nil, errors.Join(err, io.ErrUnexpectedEOF)
		}
		text := make([]byte, size+2)
		if _, err := io.ReadFull(in, text); err != nil {
			return nil, err
		}
		out = append(out, string(text[:size]))
	}
	return out, nil
}

func number(in *bufio.Reader, mark byte) (int, error) {
	line, err := in.ReadSlice('\n')
	if err != nil || len(line) < 4 || line[0] != mark {
		return 0, errors.Join(err, io.ErrUnexpectedEOF)
	}
	return strconv.Atoi(strings.TrimSuffix(string(line[1:]), "\r\n"))
}

func encode(answer any) string {
	switch a := answer.(type) {
	case nil:
		return "$-1\r\n"
	case *resp.Error:
		return "-" + a.Text + "\r\n"
	case int64:
		return fmt.Sprintf(":%d\r\n", a)
	case []any:
		var b strings.Builder
		fmt.Fprintf(&b, "*%d\r\n", len(a))
		for _, item := range a {
			b.WriteString(encode(item))
		}
		return b.String()
	}
	text := fmt.Sprint(answer)
	return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text)
}

func refuse(text string) *resp.Error {
	code, _, _ := strings.Cut(text, " ")
	return &resp.Error{Code: code, Text: text}
}

func words(err error) string {
	var refusal *resp.Error
	if errors.As(err, &refusal) {
		return refusal.Text
	}
	return "ERR no answer"
}

// do runs a command: what is the vendor's own here, everything else in the backend.
func (d *Double) do(ctx context.Context, behind Session, args []string) (any, error) {
	switch strings.ToUpper(args[0]) {
	case "AUTH":
		if len(args) == 2 {
			args = []string{"AUTH", "default", args[1]}
		}
		if len(args) == 3 {
			return behind.Do(ctx, "AUTH", d.opts.Prefix+args[1], args[2])
		}
	case "ACL":
		if len(args) > 1 {
			return d.acl(ctx, behind, strings.ToUpper(args[1]), args[2:])
		}
	}
	return behind.Do(ctx, args...)
}

func (d *Double) acl(ctx context.Context, behind Session, sub string, args []string) (any, error) {
	who, err := behind.Do(ctx, "ACL", "WHOAMI")
	switch {
	case err != nil:
		return nil, err // NOAUTH
	case sub == "WHOAMI":
		return strings.TrimPrefix(fmt.Sprint(who), d.opts.Prefix), nil
	case d.opts.Free:
		return nil, refuse("ERR ACL is not available on the free plan")
	case sub == "USERS":
		return d.users(ctx, behind)
	case len(args) == 0:
		return nil, refuse("ERR wrong number of arguments")
	case sub == "GENTOKEN":
		d.mu.Lock()
		defer d.mu.Unlock()
		token := "double" + doubles.Text(40)
		d.tokens[token] = args[0]
		return token, nil
	case sub == "SETUSER" || sub == "DELUSER":
		return d.change(ctx, behind, sub, args)
	case sub == "GETUSER":
		return behind.Do(ctx, "ACL", "GETUSER", d.opts.Prefix+args[0])
	}
	return nil, refuse("ERR unknown subcommand")
}

func (d *Double) change(ctx context.Context, behind Session, sub string, args []string) (any, error) {
	if args[0] == "default" {
		return nil, refuse("ERR the default user cannot be changed")
	}
	for _, rule := range args[1:] {
		token, isPassword := strings.CutPrefix(rule, ">")
		d.mu.Lock()
		owner := d.tokens[token]
		d.mu.Unlock()
		switch {
		case isPassword && owner != args[0], strings.HasPrefix(rule, "#"), strings.EqualFold(rule, "nopass"):
			// the text repeats the rule, as Redis does: whoever shows it leaks
			return nil, refuse("ERR Error in ACL SETUSER modifier '" + rule + "': use a password made by ACL GENTOKEN")
		}
	}
	return behind.Do(ctx, append([]string{"ACL", sub, d.opts.Prefix + args[0]}, args[1:]...)...)
}

func (d *Double) users(ctx context.Context, behind Session) (any, error) {
	all, err := behind.Do(ctx, "ACL", "USERS")
	list, _ := all.([]any)
	out := []any{}
	for _, u := range list {
		if name, ok := strings.CutPrefix(fmt.Sprint(u), d.opts.Prefix); ok {
			out = append(out, name)
		}
	}
	return out, err
}
