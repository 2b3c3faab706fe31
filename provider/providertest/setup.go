// Package providertest is the exam that every provider sits. A provider's own
// tests say how to open an account and how to break it; the exam asks the rest:
// repeated calls, lost answers, strangers, wrong classes of failure, leaks.
//
// What surprises: a question that cannot be asked, because a hook is missing or
// the provider lacks the ability, is skipped by name. Read the skips: the exam
// only vouches for what it asked.
package providertest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Setup tells the exam how to open an account. Open is called anew for each
// question and must give an account without live values of ours.
type Setup struct {
	Open func(t testing.TB) Subject
	// FormOnly says why Verify can check no more than the form ("nobody outside
	// checks it"). Allowed for providers without an issuer and for minter person.
	FormOnly string
	// ByHand says why only a person can revoke ("there is no API"). Allowed for minter
	// person; the questions about revocation are then skipped.
	ByHand string
	// Every n-th write of the journal only is a place where Journey's process dies, for
	// providers that start a program for each call; 0: every write is.
	Every int
}

// Subject is a provider, its account, and what the exam may do to them. Only
// Provider is required.
type Subject struct {
	Provider provider.Provider
	// Again gives the same provider as another process would see it: same
	// account, nothing remembered.
	Again func() provider.Provider
	// Supply makes a new valid value (minter person).
	Supply func() secret.Set
	// Secrets are further values that no error may contain: the management key.
	Secrets []secret.Value
	// Live lists all live values of the account, strangers included.
	Live func(ctx context.Context) ([]rotation.Handle, error)
	// Stranger makes a live value that is not ours and has no label.
	Stranger func(ctx context.Context) (rotation.Handle, error)
	// Namesake makes a live value of somebody else's with that very label: a restored
	// backup, a person who copied a name. Nil where the vendor keeps names unique.
	Namesake func(ctx context.Context, label string) (rotation.Handle, error)
	// Impostor gives a live value of the same vendor that is not the one issued: of
	// another account, project or user. Verify must see the difference.
	Impostor func(ctx context.Context) (secret.Set, error)
	// Pass lets time go by on the vendor's clock.
	Pass func(time.Duration)
	// Flap makes the vendor know the next values at one of its front ends first: each
	// is accepted once, and then refused for five seconds of the vendor's clock. Nil
	// for vendors whose front ends cannot differ.
	Flap func()
	// Settled waits (or moves the double's clock) until the last change acts.
	Settled func()
	// Break harms the way to the provider until mend is called.
	Break func(Breakage) (mend func())
	// PageSize is how many values the provider lists at once; Find is asked for more.
	PageSize int
	// HTTP lets the exam choose the answers of an HTTP provider.
	HTTP *HTTP
}

// Breakage is a way to lose contact.
type Breakage string

const (
	// Unsent: nothing reaches the provider; connections are refused.
	Unsent Breakage = "unsent"
	// Unanswered: a request that changes something takes effect, and its answer is lost.
	Unanswered Breakage = "unanswered"
	// Silent: connections are accepted and nothing is ever answered.
	Silent Breakage = "silent"
)

// HTTP is for providers behind internal/apiclient.
type HTTP struct {
	// Answer makes every request get this answer until restore is called. calls
	// counts the requests since.
	Answer func(Reply) (calls func() int, restore func())
	// Refusal is the vendor's answer to a value that was revoked.
	Refusal Reply
	// Gone is the vendor's answer to the revocation of what is already gone.
	Gone Reply
	// Elsewhere says where the value itself is used, if not at this address ("a login
	// over SQL"). Verify and Probe are then not asked about HTTP answers; the
	// provider's own tests do that for the protocol in question.
	Elsewhere string
	// Changed counts the requests since Answer that would change something. An
	// answer to one that would not proves that nothing was changed. May be nil.
	Changed func() int
	// Spoil makes answers go wrong on their way until mend is called.
	Spoil func(Spoilage) (mend func())
}

// Spoilage is a way for an answer to arrive other than it was sent.
type Spoilage string

const (
	// Cut: the first half of every body comes.
	Cut Spoilage = "cut"
	// Repeat: a list goes on and on with its first page.
	Repeat Spoilage = "repeat"
)

// Reply is one HTTP answer.
type Reply struct {
	Status int
	Header http.Header
	Body   string
}
