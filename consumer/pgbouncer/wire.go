package pgbouncer

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Kinds of Authentication messages in PostgreSQL's protocol.
const (
	authOK       = 0
	authSASL     = 10
	authContinue = 11
	authFinal    = 12
)

// witness reads along while a login runs. A pooler says yes in two steps: it takes
// the password, and later, when a server connection is there, it says "ready".
type witness struct {
	from   io.Reader
	stopAt int // the kind of Authentication message after which the login has told enough; -1: none

	text      []byte // of the message that is being read
	decided   bool   // PgBouncer spoke: another address or encryption would hear the same
	asked     bool   // it asked for a password, in whichever way
	accepted  bool   // it took it
	challenge string // its first SCRAM message: r=…,s=SALT,i=ITERATIONS
	stop      bool
}

var errEnough = errors.New("enough was seen")

func newWitness(stopAt int) *witness { return &witness{stopAt: stopAt} }

// frontend is a pgconn.BuildFrontendFunc.
func (w *witness) frontend(r io.Reader, out io.Writer) *pgproto3.Frontend {
	w.from = r
	return pgproto3.NewFrontend(w, out)
}

// Read passes on what comes, until enough was seen: the message that says enough is
// kept, so that it is not answered.
func (w *witness) Read(p []byte) (int, error) {
	if w.stop {
		return 0, errEnough
	}
	n, err := w.from.Read(p)
	if !w.accepted {
		w.text = append(w.text, p[:n]...)
		w.messages()
	}
	if w.stop {
		return 0, errEnough
	}
	return n, err
}

// messages takes whole messages off: a type, a length that counts itself, a body.
func (w *witness) messages() {
	for len(w.text) >= 5 && !w.accepted && !w.stop {
		size := 1 + int(binary.BigEndian.Uint32(w.text[1:5]))
		if size < 5 || size > 1<<20 { // not the protocol; pgconn will say so
			w.text = nil
			return
		}
		if len(w.text) < size {
			return
		}
		w.message(w.text[0], w.text[5:size])
		w.text = w.text[size:]
	}
}

func (w *witness) message(kind byte, body []byte) {
	w.decided = w.decided || kind == 'R' || kind == 'E'
	if kind != 'R' || len(body) < 4 {
		return
	}
	auth := int(binary.BigEndian.Uint32(body))
	switch auth {
	case authOK, authFinal:
		w.accepted = true
	case authContinue:
		w.challenge = string(body[4:])
	default:
		w.asked = true
	}
	w.stop = auth == w.stopAt
}

// salt and iterations of a SCRAM secret, in its own notation (4096:SALT), which is
// no secret: every client that begins to log in is told.
func (w *witness) saltOf() string {
	var salt, iterations string
	for _, part := range strings.Split(w.challenge, ",") {
		switch {
		case strings.HasPrefix(part, "s="):
			salt = part[2:]
		case strings.HasPrefix(part, "i="):
			iterations = part[2:]
		}
	}
	return iterations + ":" + salt
}
