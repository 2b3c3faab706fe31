package exec

import (
	"encoding/json"
	"time"

	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// version of the protocol that is spoken here.
const version = 1

// call is one request, as the program reads it.
type call struct {
	Version int     `json:"version"`
	Method  string  `json:"method"`
	Timeout float64 `json:"timeout"` // seconds that the run may take
	Secrets plain   `json:"secrets,omitempty"`

	Request *request `json:"request,omitempty"`
	Value   *value   `json:"value,omitempty"`
	Values  plain    `json:"values,omitempty"`
	Handle  *handle  `json:"handle,omitempty"`
	Prefix  string   `json:"prefix,omitempty"`
	Step    string   `json:"step,omitempty"`

	hide   []secret.Value // what no words of the program may contain
	public []string       // what they may
}

type handle struct {
	ID   string `json:"id"`
	Slot string `json:"slot,omitempty"`
}

type request struct {
	Label      string  `json:"label,omitempty"`
	Generation int     `json:"generation"`
	Current    *handle `json:"current,omitempty"`
	Values     plain   `json:"values,omitempty"`
	Old        plain   `json:"old,omitempty"`
}

type value struct {
	Handle   *handle    `json:"handle,omitempty"`
	Values   plain      `json:"values"`
	NotAfter *time.Time `json:"not-after,omitempty"`
}

// plain is a set of values on its way to the program.
type plain map[string]apiclient.Plain

// take notes what is sent and hands it on.
func (c *call) take(set secret.Set) plain {
	if len(set) == 0 {
		return nil
	}
	out := plain{}
	for field, v := range set {
		out[field] = apiclient.Plain{Value: v}
		if v.IsPublic() {
			c.public = append(c.public, v.String())
		}
	}
	c.hide = append(c.hide, set.Secrets()...)
	return out
}

func (c *call) handle(h rotation.Handle) *handle {
	if h.IsZero() {
		return nil
	}
	c.public = append(c.public, h.ID, h.Slot)
	return &handle{ID: h.ID, Slot: h.Slot}
}

func (c *call) request(r provider.Request) *request {
	c.public = append(c.public, r.Label)
	return &request{Label: r.Label, Generation: r.Generation, Current: c.handle(r.Current),
		Values: c.take(r.Values), Old: c.take(r.Old)}
}

func (c *call) value(v provider.Issued) *value {
	out := &value{Handle: c.handle(v.Handle), Values: plain{}}
	if len(v.Values) > 0 {
		out.Values = c.take(v.Values)
	}
	if !v.NotAfter.IsZero() {
		out.NotAfter = &v.NotAfter
	}
	return out
}

// travels says whether a value comes out of JSON as it went in: text that is no UTF-8
// does not.
func travels(v secret.Value) bool {
	text, err := json.Marshal(apiclient.Plain{Value: v})
	var back apiclient.Secret
	return err == nil && json.Unmarshal(text, &back) == nil && back.Equal(v)
}

// failure is the answer of a program that could not do it.
type failure struct {
	Kind       string  `json:"kind"`
	Message    string  `json:"message"`
	Hint       string  `json:"hint"`
	RetryAfter float64 `json:"retry-after"` // seconds
}

// The answers, by method.
type (
	done struct { // verify, revoke, revoke-value, preflight
		OK bool `json:"ok"`
	}
	made struct { // make
		Values map[string]apiclient.Secret `json:"values"`
	}
	issued struct { // issue, reveal
		Handle   *handle                     `json:"handle"`
		Values   map[string]apiclient.Secret `json:"values"`
		NotAfter *time.Time                  `json:"not-after"`
		Created  *time.Time                  `json:"created"`
	}
	identified struct {
		Handle *handle `json:"handle"`
	}
	found struct {
		Found *[]foundOne `json:"found"`
	}
	foundOne struct {
		Handle  *handle    `json:"handle"`
		Label   string     `json:"label"`
		Created *time.Time `json:"created"`
	}
	probed struct {
		Liveness string `json:"liveness"`
	}
	used struct {
		Known    *bool      `json:"known"`
		LastUsed *time.Time `json:"last-used"`
		Active   int        `json:"active"`
		Sessions []session  `json:"sessions"`
		Who      []string   `json:"who"`
	}
	session struct {
		ID  string `json:"id"`
		Who string `json:"who"`
	}
	noted struct {
		Notes *[]string `json:"notes"`
	}
	instructed struct {
		Text string `json:"text"`
	}
	clocked struct {
		Now *time.Time `json:"now"`
	}
)

func moment(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
