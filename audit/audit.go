// Package audit is the chain of who did what and when: pure, no I/O. Each entry
// carries a keyed hash over itself and the entry before, so that a change, a
// gap or a swap is found; a cut tail is found by comparing heads kept elsewhere.
//
// What surprises: verifying needs the installation's key. A chain that anyone
// could recompute would prove nothing against whoever can write the file.
package audit

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"time"
)

// Entry is one line of the audit. It never holds a value.
type Entry struct {
	Seq        int64     `json:"seq"`
	At         time.Time `json:"at"` // UTC, microseconds
	Actor      string    `json:"actor"`
	Action     string    `json:"action"` // "intent generate/accept", "outcome publish/switch", "recover", …
	Credential string    `json:"credential,omitempty"`
	Record     string    `json:"record,omitempty"`
	Generation int       `json:"generation,omitempty"`
	Part       string    `json:"part,omitempty"`
	Outcome    string    `json:"outcome,omitempty"`
	Note       string    `json:"note,omitempty"`
	MAC        string    `json:"mac"` // hex, over the entry before's MAC and this entry without MAC
}

// Head names the end of a chain.
type Head struct {
	Seq int64  `json:"seq"`
	MAC string `json:"mac"`
}

func (h Head) String() string { return fmt.Sprintf("%d:%s", h.Seq, h.MAC) }

// MAC is a keyed hash; secret.Keyset.AuditMAC is one.
type MAC func(message []byte) ([]byte, error)

// Next fills e's Seq and MAC as the successor of head (the zero Head starts a
// chain) and returns it with the new head.
func Next(mac MAC, head Head, e Entry) (Entry, Head, error) {
	e.Seq = head.Seq + 1
	e.At = e.At.UTC().Truncate(time.Microsecond)
	sum, err := digest(mac, head.MAC, e)
	if err != nil {
		return e, head, err
	}
	e.MAC = sum
	return e, Head{e.Seq, e.MAC}, nil
}

func digest(mac MAC, before string, e Entry) (string, error) {
	e.MAC = ""
	text, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	sum, err := mac(append([]byte(before+"\n"), text...))
	return hex.EncodeToString(sum), err
}

// BrokenError says where a chain stops being credible.
type BrokenError struct {
	Seq    int64
	Reason string
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("audit: entry %d: %s", e.Seq, e.Reason)
}

// Verify reads a chain from its start and returns its head. heads are ones kept
// elsewhere (a file, syslog, a store's mark): each must lie on the chain.
func Verify(mac MAC, chain iter.Seq2[Entry, error], heads ...Head) (Head, error) {
	var head Head
	kept := map[int64]string{}
	for _, h := range heads {
		if other, twice := kept[h.Seq]; twice && other != h.MAC {
			return head, &BrokenError{h.Seq, "is named differently by two heads kept elsewhere"}
		}
		if h.Seq > 0 {
			kept[h.Seq] = h.MAC
		}
	}
	for e, err := range chain {
		if err != nil {
			return head, err
		}
		if e.Seq != head.Seq+1 {
			return head, &BrokenError{head.Seq + 1, "missing"}
		}
		sum, err := digest(mac, head.MAC, e)
		if err != nil {
			return head, err
		}
		if sum != e.MAC {
			return head, &BrokenError{e.Seq, "was changed, or an entry before it was"}
		}
		if want, ok := kept[e.Seq]; ok && want != e.MAC {
			return head, &BrokenError{e.Seq, "differs from the head kept elsewhere"}
		}
		delete(kept, e.Seq)
		head = Head{e.Seq, e.MAC}
	}
	for seq := range kept {
		return head, &BrokenError{seq, "is missing, although a head kept elsewhere names it: the tail was cut"}
	}
	return head, nil
}
