package redis

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"
)

// A mark stands among a user's password hashes while an old and a new password live side
// by side. It has the form of a hash and is none: it opens nothing, because nobody can
// find a text whose SHA-256 begins with "rotor" and ends in a date. What it says is when
// (by the clock of this very server) which password was added, in the same atomic command
// that added it. Sessions older than that were opened with another password for certain.
//
// Its second use is as a memory: it goes last when a password is revoked, so that a
// revocation that was broken off ends the old sessions when it is repeated, and one that
// was finished touches nobody.

// markHead is "rotor" and the number of the form.
const markHead = "726f746f7201"

// mark is 6 bytes of head, 8 of time (Unix seconds), 18 of the password's hash.
type mark struct {
	at   time.Time
	hash string // the first 36 characters of the marked password's hash
}

const markedChars = 36

func markOf(hash string, at time.Time) mark {
	return mark{at: time.Unix(at.Unix(), 0), hash: hash[:markedChars]}
}

func (m mark) String() string {
	return markHead + hex.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(m.at.Unix()))) + m.hash
}

// of says whether the mark is about this password.
func (m mark) of(hash string) bool { return hash != "" && strings.HasPrefix(hash, m.hash) }

// parseMark recognises a mark among hashes.
func parseMark(text string) (mark, bool) {
	if !isHash(text) || !strings.HasPrefix(text, markHead) {
		return mark{}, false
	}
	stamp, _ := hex.DecodeString(text[12:28]) // isHash has looked
	return mark{at: time.Unix(int64(binary.BigEndian.Uint64(stamp)), 0), hash: text[28:]}, true
}
