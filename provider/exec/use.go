package exec

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// obey is a call that is answered with a plain yes.
func (p *Provider) obey(ctx context.Context, c call) error {
	got, err := speak[done](ctx, p, c)
	if err == nil && !got.OK {
		err = p.senseless(c, "does not say that it is done")
	}
	return err
}

// Verify has the program use the value.
func (p *Provider) Verify(ctx context.Context, v provider.Issued) error {
	c := call{Method: "verify"}
	c.Value = c.value(v)
	return p.obey(ctx, c)
}

// Revoke has the program end the value of a handle, unless it ends by a timer.
func (p *Provider) Revoke(ctx context.Context, h rotation.Handle) error {
	if p.opts.Lingers > 0 {
		return fault.New(fault.NeedsPerson, "%s: revoke: rotor.yaml says that an old value ends by itself", p.name).
			WithHint("it ends %s after it was replaced; if it must end before, end it where it was made", p.opts.Lingers)
	}
	c := call{Method: "revoke"}
	if c.Handle = c.handle(h); c.Handle == nil {
		return fault.New(fault.BadConfig, "%s: revoke: there is no handle", p.name)
	}
	return p.obey(ctx, c)
}

// RevokeValue has the program end a value by presenting it.
func (p *Provider) RevokeValue(ctx context.Context, v provider.Issued) error {
	c := call{Method: "revoke-value"}
	c.Value = c.value(v)
	return p.obey(ctx, c)
}

// Find has the program list its values; which of them are meant is seen to here.
func (p *Provider) Find(ctx context.Context, prefix string) ([]provider.Found, error) {
	found, err := p.listed(ctx, call{Method: "find", Prefix: prefix})
	return slices.DeleteFunc(found, func(f provider.Found) bool { return !strings.HasPrefix(f.Label, prefix) }), err
}

// List has the program list all values of the account. Labels prove nothing there.
func (p *Provider) List(ctx context.Context) ([]provider.Found, error) {
	found, err := p.listed(ctx, call{Method: "list"})
	for i := range found {
		found[i].Label = ""
	}
	return found, err
}

// listed refuses a list that lacks a handle or has one twice: half of it may be missing.
func (p *Provider) listed(ctx context.Context, c call) ([]provider.Found, error) {
	got, err := speak[found](ctx, p, c)
	if err != nil {
		return nil, err
	}
	if got.Found == nil {
		return nil, p.senseless(c, "is no list")
	}
	var out []provider.Found
	seen := map[string]bool{}
	for _, f := range *got.Found {
		switch {
		case f.Handle == nil || f.Handle.ID == "":
			return nil, p.senseless(c, "lists a value without a handle")
		case seen[f.Handle.ID]:
			return nil, p.senseless(c, "lists a value twice")
		}
		seen[f.Handle.ID] = true
		out = append(out, provider.Found{Handle: rotation.Handle{ID: f.Handle.ID, Slot: f.Handle.Slot}, Label: f.Label, Created: moment(f.Created)})
	}
	return out, nil
}

// Identify has the program name a value's handle.
func (p *Provider) Identify(ctx context.Context, values secret.Set) (rotation.Handle, error) {
	c := call{Method: "identify"}
	c.Values = c.take(values)
	got, err := speak[identified](ctx, p, c)
	switch {
	case err != nil:
		return rotation.Handle{}, err
	case got.Handle == nil || got.Handle.ID == "":
		return rotation.Handle{}, p.senseless(c, "has no handle")
	}
	return rotation.Handle{ID: got.Handle.ID, Slot: got.Handle.Slot}, p.printable(c, got.Handle, values)
}

// Probe has the program try the value. Its error is no sign of death.
func (p *Provider) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	c := call{Method: "probe"}
	c.Value = c.value(v)
	got, err := speak[probed](ctx, p, c)
	if err != nil {
		return provider.NotKnown, err
	}
	live := provider.Liveness(got.Liveness)
	known := []provider.Liveness{provider.Alive, provider.Restricted, provider.Refused, provider.Expired, provider.NotKnown}
	switch {
	case !slices.Contains(known, live):
		return provider.NotKnown, p.senseless(c, "has a word for liveness that there is not")
	case len(v.Values) == 0 && live != provider.NotKnown:
		return provider.NotKnown, p.senseless(c, "is about no value at all")
	}
	return live, nil
}

// Usage has the program report use.
func (p *Provider) Usage(ctx context.Context, h rotation.Handle) (provider.Usage, error) {
	c := call{Method: "usage"}
	c.Handle = c.handle(h)
	got, err := speak[used](ctx, p, c)
	if err != nil {
		return provider.Usage{}, err
	}
	if got.Known == nil || got.Active < 0 {
		return provider.Usage{}, p.senseless(c, "does not say whether the use is known")
	}
	u := provider.Usage{Known: *got.Known, LastUsed: moment(got.LastUsed), Active: got.Active}
	for _, who := range got.Who {
		u.Who = append(u.Who, c.words(who))
	}
	for _, s := range got.Sessions {
		u.Sessions = append(u.Sessions, provider.Session{ID: c.scrubbed(printable(s.ID)), Who: c.words(s.Who)})
	}
	return u, nil
}

// Notes has the program say what a person should know.
func (p *Provider) Notes(ctx context.Context, req provider.Request) ([]string, error) {
	c := call{Method: "notes"}
	c.Request = c.request(req)
	got, err := speak[noted](ctx, p, c)
	if err != nil {
		return nil, err
	}
	if got.Notes == nil {
		return nil, p.senseless(c, "has no notes")
	}
	var out []string
	for _, note := range *got.Notes {
		out = append(out, c.prose(note))
	}
	return out, nil
}

// patience with a program that says what a person must do: people wait for it.
const patience = 10 * time.Second

// Instructions has the program say what a person must do. It is handed no secret.
func (p *Provider) Instructions(step rotation.Step, req provider.Request) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := call{Method: "instructions", Step: string(step)}
	req.Values, req.Old = nil, nil
	c.Request = c.request(req)
	got, err := speak[instructed](ctx, p, c)
	if err != nil {
		return "What is to be done could not be asked for: " + err.Error()
	}
	return c.prose(got.Text)
}

// Now has the program read its other side's clock.
func (p *Provider) Now(ctx context.Context) (time.Time, error) {
	c := call{Method: "now"}
	got, err := speak[clocked](ctx, p, c)
	if err == nil && got.Now == nil {
		err = p.senseless(c, "has no time")
	}
	return moment(got.Now), err
}
