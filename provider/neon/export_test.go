package neon

import (
	"time"

	"github.com/agenticverz/rotor/internal/apiclient"
)

// Tests watch operations without waiting, and for a short time.
func init() {
	limits = apiclient.Limits{}
	pace = apiclient.Pace{Every: 100 * time.Microsecond, AtMost: time.Second}
}
