package clerk

import (
	"context"
	"net/http"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/secret"
)

// holder is what has secret keys, of which Clerk shows the newest: an instance or a
// machine.
type holder interface {
	// rotate makes a new key and lets all others live for keep.
	rotate(ctx context.Context, step string, keep time.Duration, reason string) (id string, value secret.Value, err error)
	// newest shows the key that was made last.
	newest(ctx context.Context, step string) (id string, value secret.Value, err error)
	// try uses a key and says whose it is.
	try(ctx context.Context, step string, value secret.Value) (whose, provider.Liveness, error)
	probe(ctx context.Context, value secret.Value) (provider.Liveness, error)
	fits(whose) bool
	path() string  // of a request for the clock
	words() string // "instance"
	cure() string  // how a person ends a key
}

// instance is reached over the Platform API.
type instance struct{ account }

func (i instance) path() string {
	return apiclient.Path("/platform/applications/%s", i.opts.Application)
}

func (i instance) words() string     { return "instance " + i.opts.Instance }
func (i instance) fits(w whose) bool { return i.opts.fits(w) }

func (i instance) cure() string {
	return "delete the old key in Clerk's dashboard, API keys, of instance " + i.opts.Instance
}

type keys struct {
	Application string `json:"application_id"`
	Instances   []struct {
		ID          string           `json:"instance_id"`
		Environment string           `json:"environment_type"`
		Key         apiclient.Secret `json:"secret_key"`
	} `json:"instances"`
}

// pick finds the one instance in an answer that may be about several.
func (i instance) pick(step string, got keys, kind fault.Kind) (string, secret.Value, error) {
	for _, x := range got.Instances {
		switch {
		case !i.fits(whose{x.ID, x.Environment}) || x.ID == "":
			continue
		case x.Key.IsZero():
			return x.ID, secret.Value{}, fault.New(kind, "clerk: %s: the answer has no secret key", step).
				WithHint("the platform token must be allowed to read secret keys, or a key whose answer is lost could not be read again")
		}
		return x.ID, x.Key.Value, nil
	}
	if kind == fault.Unknown {
		return "", secret.Value{}, fault.New(kind, "clerk: %s: the answer is about another instance", step)
	}
	return "", secret.Value{}, bad("%s: application %s has no instance %s", step, i.opts.Application, i.opts.Instance).
		WithHint("check application and instance")
}

func (i instance) rotate(ctx context.Context, step string, keep time.Duration, reason string) (string, secret.Value, error) {
	in := struct {
		Hours  int    `json:"delay_old_secrets_expiration_hours"` // always: what its absence means is not documented
		Reason string `json:"reason,omitempty"`
	}{int(keep / time.Hour), reason}
	var got keys
	err := i.api.Do(ctx, apiclient.Call{Step: step, Method: http.MethodPost, In: in, Out: &got, Judge: missing,
		Path: apiclient.Path("/platform/applications/%s/instances/%s/rotate_secret_keys", i.opts.Application, i.opts.Instance)})
	if err != nil {
		return "", secret.Value{}, err
	}
	return i.pick(step, got, fault.Unknown)
}

func (i instance) newest(ctx context.Context, step string) (string, secret.Value, error) {
	var got keys
	err := i.api.Do(ctx, apiclient.Call{Step: step, Path: i.path(), Query: revealing, Out: &got, Judge: missing})
	if err == nil && got.Application != i.opts.Application {
		err = fault.New(fault.Unknown, "clerk: %s: the answer is about another application", step)
	}
	if err != nil {
		return "", secret.Value{}, err
	}
	return i.pick(step, got, fault.Denied)
}

func (i instance) try(ctx context.Context, step string, value secret.Value) (whose, provider.Liveness, error) {
	return i.instanceOf(ctx, step, value, unclear)
}

func (i instance) probe(ctx context.Context, value secret.Value) (provider.Liveness, error) {
	return i.keySet(ctx, value)
}

// machine is reached over the Backend API, with a secret key of its instance.
type machine struct{ account }

func (m machine) path() string      { return apiclient.Path("/machines/%s", m.opts.Machine) }
func (m machine) words() string     { return "machine " + m.opts.Machine }
func (m machine) fits(w whose) bool { return w.id == m.opts.Machine }

func (m machine) cure() string {
	return "rotate once more with strategy: in-place, which ends the present key too and publishes another; nothing ends the old one alone"
}

type machineKey struct {
	Object string           `json:"object"`
	Secret apiclient.Secret `json:"secret"`
}

func (m machine) taken(step string, got machineKey, err error) (string, secret.Value, error) {
	if err == nil && got.Secret.IsZero() {
		err = fault.New(fault.Unknown, "clerk: %s: the answer has no key", step)
	}
	return m.opts.Machine, got.Secret.Value, err
}

func (m machine) rotate(ctx context.Context, step string, keep time.Duration, _ string) (string, secret.Value, error) {
	in := struct {
		Seconds int `json:"previous_token_ttl"`
	}{int(keep / time.Second)}
	var got machineKey
	err := m.api.Do(ctx, apiclient.Call{Step: step, Method: http.MethodPost, Path: m.path() + "/secret_key/rotate", In: in, Out: &got, Judge: missing})
	return m.taken(step, got, err)
}

func (m machine) newest(ctx context.Context, step string) (string, secret.Value, error) {
	var got machineKey
	err := m.api.Do(ctx, apiclient.Call{Step: step, Path: m.path() + "/secret_key", Out: &got, Judge: missing})
	return m.taken(step, got, err)
}

// try asks for a token that ends within a second; nobody gets to see it.
func (m machine) try(ctx context.Context, step string, value secret.Value) (whose, provider.Liveness, error) {
	in := struct {
		Seconds int `json:"seconds_until_expiration"`
	}{1}
	var answer apiclient.Answer
	var got struct {
		Subject string `json:"subject"`
	}
	err := m.api.Do(ctx, apiclient.Call{Step: step, Method: http.MethodPost, Path: "/m2m_tokens", Reads: true, In: in,
		Auth: bearer(value), Out: &got, Answer: &answer, Judge: unclear})
	switch {
	case err == nil && got.Subject != "":
		return whose{id: got.Subject}, provider.Alive, nil
	case err == nil:
		return whose{}, provider.NotKnown, fault.New(fault.Unknown, "clerk: %s: the answer names no machine", step)
	case dead(answer):
		return whose{}, provider.Refused, nil
	}
	return whose{}, provider.NotKnown, err
}

func (m machine) probe(ctx context.Context, value secret.Value) (provider.Liveness, error) {
	_, live, err := m.try(ctx, "probe", value)
	return live, err
}
