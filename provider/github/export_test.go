package github

import (
	"time"

	"github.com/agenticverz/rotor/provider"
)

// WithClock gives a provider the double's clock.
func WithClock(p provider.Provider, now func() time.Time) provider.Provider {
	switch p := p.(type) {
	case *PAT:
		p.now = now
	case *Installation:
		p.now = now
	case *DeployKey:
		p.now = now
	}
	return p
}
