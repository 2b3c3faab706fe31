package rotation

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Label is what is written on a value at the provider so as to find it again.
// It is no proof of ownership: Find never kills by label alone.
type Label struct {
	Installation string // six of [a-z0-9]
	Epoch        int
	Credential   string
	Generation   int
	Attempt      int
}

// MaxLabel is the longest label, the shortest limit among the vendors.
const MaxLabel = 50

// String gives at most MaxLabel of [a-z0-9-]. Long or unusual credential names
// are shortened by a hash, so a label names its credential only within one
// installation.
func (l Label) String() string {
	return fmt.Sprintf("%sg%d-a%d", l.Prefix(), l.Generation, l.Attempt)
}

// Prefix is what all labels of this installation's epoch and credential begin
// with.
func (l Label) Prefix() string {
	return fmt.Sprintf("rotor-%s-e%d-%s-", l.Installation, l.Epoch, shortName(l.Credential))
}

const maxName = 20

func shortName(name string) string {
	plain := len(name) <= maxName
	var b strings.Builder
	for _, c := range name {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' {
			b.WriteRune(c)
		} else {
			plain = false
		}
	}
	if plain {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return b.String()[:min(b.Len(), maxName-9)] + "-" + hex.EncodeToString(sum[:4])
}

var labelForm = regexp.MustCompile(`^rotor-[a-z0-9]+-e\d+-[a-z0-9-]+-g\d+-a\d+$`)

// IsLabel says whether a text has the form of a label, of whatever installation.
func IsLabel(text string) bool { return labelForm.MatchString(text) }

// Numbers reads generation and attempt from a label that begins with prefix.
func Numbers(label, prefix string) (generation, attempt int, ok bool) {
	rest, found := strings.CutPrefix(label, prefix)
	if !found {
		return 0, 0, false
	}
	g, a, found := strings.Cut(rest, "-")
	if !found || !strings.HasPrefix(g, "g") || !strings.HasPrefix(a, "a") {
		return 0, 0, false
	}
	generation, err1 := strconv.Atoi(g[1:])
	attempt, err2 := strconv.Atoi(a[1:])
	return generation, attempt, err1 == nil && err2 == nil
}
