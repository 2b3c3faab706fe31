package pgbouncer

import (
	"bytes"
	"io"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// talk is what a server says, as one text.
func talk(t testing.TB, messages ...pgproto3.BackendMessage) []byte {
	t.Helper()
	var out []byte
	for _, m := range messages {
		var err error
		if out, err = m.Encode(out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func challenge(t testing.TB) []byte {
	return talk(t, &pgproto3.AuthenticationSASL{AuthMechanisms: []string{"SCRAM-SHA-256"}},
		&pgproto3.AuthenticationSASLContinue{Data: []byte("r=abc,s=c2FsdA==,i=4096")})
}

func TestWitness(t *testing.T) {
	login := append(challenge(t), talk(t, &pgproto3.AuthenticationSASLFinal{Data: []byte("v=x")}, &pgproto3.AuthenticationOk{}, &pgproto3.ReadyForQuery{TxStatus: 'I'})...)
	for size := 1; size < 40; size++ { // however it is cut up
		w := newWitness(-1)
		w.from = bytes.NewReader(login)
		got, err := io.ReadAll(io.LimitReader(smallReads{w, size}, 1<<20))
		if err != nil || !bytes.Equal(got, login) || !w.accepted || !w.asked || !w.decided || w.saltOf() != "4096:c2FsdA==" {
			t.Fatalf("%d bytes at a time: %+v, %v", size, w, err)
		}
		w = newWitness(authContinue)
		w.from = bytes.NewReader(login)
		if _, err := io.ReadAll(smallReads{w, size}); err != errEnough || w.accepted || w.saltOf() != "4096:c2FsdA==" {
			t.Fatalf("stopped, %d bytes at a time: %+v, %v", size, w, err)
		}
	}
	w := newWitness(-1)
	w.from = bytes.NewReader(talk(t, &pgproto3.AuthenticationOk{}))
	if _, err := io.ReadAll(w); err != nil || w.asked || !w.accepted {
		t.Errorf("nobody asked: %+v, %v", w, err)
	}
	w = newWitness(-1)
	w.from = bytes.NewReader(talk(t, &pgproto3.ErrorResponse{Severity: "FATAL", Code: "08P01", Message: "SASL authentication failed"}))
	if _, err := io.ReadAll(w); err != nil || !w.decided || w.accepted {
		t.Errorf("an error: %+v, %v", w, err)
	}
}

type smallReads struct {
	from io.Reader
	size int
}

func (s smallReads) Read(p []byte) (int, error) { return s.from.Read(p[:min(len(p), s.size)]) }

// FuzzWitness: whatever a server says, it is passed on as it is, and nothing is kept
// without bounds.
func FuzzWitness(f *testing.F) {
	f.Add(challenge(f), 3)
	f.Add([]byte("R\x00\x00\x00\x08\x00\x00\x00\x00"), 1)
	f.Add([]byte("R\xff\xff\xff\xff...."), 2)
	f.Add([]byte("R\x00\x00\x00\x04E\x00\x00\x00\x03"), 50)
	f.Fuzz(func(t *testing.T, said []byte, size int) {
		w := newWitness(-1)
		w.from = bytes.NewReader(said)
		got, err := io.ReadAll(smallReads{w, 1 + max(0, size)%64})
		if err != nil || !bytes.Equal(got, said) {
			t.Fatalf("%q became %q, %v", said, got, err)
		}
		if len(w.text) > len(said) {
			t.Fatal("it kept more than was said")
		}
		_ = w.saltOf()
	})
}
