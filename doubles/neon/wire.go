package neon

import (
	"crypto/subtle"
	"net"
	"sync"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Wire is a Plane that needs no PostgreSQL: it speaks as much of its protocol as a
// login takes. Every query is answered with the name of the user.
type Wire struct {
	mu        sync.Mutex
	passwords map[[2]string]string // branch and role
	listeners map[string]net.Listener
	sessions  map[net.Conn][2]string
}

// NewWire makes a plane without branches.
func NewWire() *Wire {
	return &Wire{passwords: map[[2]string]string{}, listeners: map[string]net.Listener{}, sessions: map[net.Conn][2]string{}}
}

// Address is host:port of a branch; it listens from then on.
func (w *Wire) Address(branch string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l, ok := w.listeners[branch]; ok {
		return l.Addr().String(), nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	w.listeners[branch] = l
	go w.accept(l, branch) // ends with Close or Drop
	return l.Addr().String(), nil
}

// Set implements Plane.
func (w *Wire) Set(branch, role, password string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := [2]string{branch, role}
	w.passwords[at] = password
	for conn, who := range w.sessions {
		if who == at {
			conn.Close() // a reset drops connections
		}
	}
}

// Drop implements Plane.
func (w *Wire) Drop(branch string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l, ok := w.listeners[branch]; ok {
		l.Close()
		delete(w.listeners, branch)
	}
	for at := range w.passwords {
		if at[0] == branch {
			delete(w.passwords, at)
		}
	}
	for conn, who := range w.sessions {
		if who[0] == branch {
			conn.Close()
		}
	}
}

// Close ends all listeners and sessions.
func (w *Wire) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.listeners {
		l.Close()
	}
	for conn := range w.sessions {
		conn.Close()
	}
	return nil
}

func (w *Wire) accept(l net.Listener, branch string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			w.session(conn, branch)
		}()
	}
}

// session is one connection from its first byte to its last.
func (w *Wire) session(conn net.Conn, branch string) {
	b := pgproto3.NewBackend(conn, conn)
	user, ok := w.login(conn, b, branch)
	if !ok {
		return
	}
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.sessions, conn)
	}()
	for {
		msg, err := b.Receive()
		if err != nil {
			return
		}
		switch msg.(type) {
		case *pgproto3.Terminate:
			return
		case *pgproto3.Query:
			b.Send(&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{{Name: []byte("user"), DataTypeOID: 25, DataTypeSize: -1, TypeModifier: -1}}})
			b.Send(&pgproto3.DataRow{Values: [][]byte{[]byte(user)}})
			b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
			b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		default:
			b.Send(&pgproto3.ErrorResponse{Severity: "ERROR", Code: "0A000", Message: "the double knows simple queries only"})
			b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		}
		if b.Flush() != nil {
			return
		}
	}
}

// login asks for the password. It comes in the clear: the double is on loopback.
func (w *Wire) login(conn net.Conn, b *pgproto3.Backend, branch string) (user string, ok bool) {
	start, err := startup(conn, b)
	if err != nil || start == nil {
		return "", false
	}
	b.Send(&pgproto3.AuthenticationCleartextPassword{})
	if b.Flush() != nil || b.SetAuthType(pgproto3.AuthTypeCleartextPassword) != nil {
		return "", false
	}
	msg, err := b.Receive()
	given, isPassword := msg.(*pgproto3.PasswordMessage)
	if err != nil || !isPassword {
		return "", false
	}
	user = start.Parameters["user"]
	if !w.enter(conn, [2]string{branch, user}, given.Password) {
		b.Send(&pgproto3.ErrorResponse{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: "28P01",
			Message: "password authentication failed for user '" + user + "'"})
		_ = b.Flush()
		return "", false
	}
	b.Send(&pgproto3.AuthenticationOk{})
	b.Send(&pgproto3.ParameterStatus{Name: "server_version", Value: "15.0 (double)"})
	b.Send(&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte{0, 0, 0, 1}})
	b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	return user, b.Flush() == nil
}

// enter checks the password and notes the session.
func (w *Wire) enter(conn net.Conn, at [2]string, given string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	want, ok := w.passwords[at]
	if !ok || subtle.ConstantTimeCompare([]byte(want), []byte(given)) != 1 {
		return false
	}
	w.sessions[conn] = at
	return true
}

// startup declines encryption, twice at most, and reads who it is.
func startup(conn net.Conn, b *pgproto3.Backend) (*pgproto3.StartupMessage, error) {
	for range 3 {
		msg, err := b.ReceiveStartupMessage()
		if err != nil {
			return nil, err
		}
		switch msg := msg.(type) {
		case *pgproto3.StartupMessage:
			return msg, nil
		case *pgproto3.SSLRequest, *pgproto3.GSSEncRequest:
			if _, err := conn.Write([]byte("N")); err != nil {
				return nil, err
			}
		default:
			return nil, nil
		}
	}
	return nil, nil
}
