package redis

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/agenticverz/rotor/rotation"
)

// The handle of a value is the server's own name for it: the SHA-256 of the password, as
// ACL GETUSER lists it, so that a person can compare, and so that Revoke needs nothing
// else. Handles stand in the journal and in output, where more people look than into the
// server. That gives nothing away of a password made by Rotor: nobody guesses 190 bits.
// A password that a person made up (found when a credential is adopted) could be tried
// out against its hash; its handle is derived from the hash slowly, and recognised by
// deriving from each hash that the server lists.

// slow begins the handles of guessable passwords.
const slow = "slow-"

// slowness makes a guess cost tens of milliseconds.
const slowness = 200_000

func digest(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

func (p *Provider) handle(user, password string) rotation.Handle {
	h := rotation.Handle{ID: digest(password)}
	if !unguessable(password) {
		h.ID = slowID(user, h.ID)
	}
	if p.opts.Strategy == rotation.Alternate {
		h.Slot = user
	}
	return h
}

// unguessable is true of nearly all of our passwords (Make sees to the rest) and of next
// to none that a person made up.
func unguessable(password string) bool {
	different := map[rune]bool{}
	for _, r := range password {
		different[r] = true
	}
	return len(password) >= 22 && len(different) >= 12 && strings.ContainsAny(password, "0123456789") &&
		strings.ToLower(password) != password && strings.ToUpper(password) != password
}

func slowID(user, hash string) string {
	key, err := pbkdf2.Key(sha256.New, hash, []byte("rotor/redis/"+user), slowness, 16)
	if err != nil { // only for lengths that FIPS mode forbids; ours are fixed
		panic("redis: pbkdf2: " + err.Error())
	}
	return slow + hex.EncodeToString(key)
}

// isHandle says whether an id is one of the two forms.
func isHandle(id string) bool {
	if rest, ok := strings.CutPrefix(id, slow); ok {
		_, err := hex.DecodeString(rest)
		return err == nil && len(rest) == 32
	}
	return isHash(id)
}

// isHash: 64 lower-case hexadecimal characters, which is all the server takes.
func isHash(text string) bool {
	_, err := hex.DecodeString(text)
	return err == nil && len(text) == 64 && strings.ToLower(text) == text
}

// named finds the hash that an id stands for among those that a user has; "" if none.
func named(id, user string, hashes []string) string {
	for _, hash := range hashes {
		if hash == id || strings.HasPrefix(id, slow) && slowID(user, hash) == id {
			return hash
		}
	}
	return ""
}
