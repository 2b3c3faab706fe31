package app

import (
	"crypto/rand"
	"time"

	"github.com/agenticverz/rotor/rotation"
)

// digits sort as text the way they count, and leave out what is misread.
const digits = "0123456789abcdefghjkmnpqrstvwxyz"

// NewID makes ids that sort by time: "r-" for a rotation, "x-" for a retirement,
// nine digits of milliseconds and five at random.
func NewID(now func() time.Time) func(rotation.Kind) string {
	return func(kind rotation.Kind) string {
		head := "r-"
		if kind == rotation.KindRetirement {
			head = "x-"
		}
		ms := uint64(now().UnixMilli())
		var stamp [9]byte
		for i := range stamp {
			stamp[len(stamp)-1-i] = digits[ms&31]
			ms >>= 5
		}
		return head + string(stamp[:]) + randomText(5)
	}
}

func randomText(n int) string {
	out := make([]byte, n)
	_, _ = rand.Read(out) // never fails (Go 1.24)
	for i := range out {
		out[i] = digits[out[i]&31]
	}
	return string(out)
}
