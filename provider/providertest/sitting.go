package providertest

import (
	"context"
	"fmt"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// sitting is one provider before one question. Every call to the provider goes
// through it, so that whatever it says can be searched for values afterwards.
type sitting struct {
	Subject
	ctx      context.Context
	formOnly string
	byHand   string
	labels   string // installation of all labels: accounts may share a server
	known    map[rotation.Handle]provider.Issued
	issued   int
	values   []secret.Value
	said     []string // errors and everything else that may be shown
}

func (s *sitting) note(values ...secret.Value) { s.values = append(s.values, values...) }

// hear keeps what the provider said and hands the error on.
func (s *sitting) hear(what string, err error, shown ...any) error {
	for _, v := range shown {
		s.said = append(s.said, fmt.Sprintf("%s returned %+v", what, v))
	}
	for e := err; e != nil; {
		s.said = append(s.said, fmt.Sprintf("the error of %s: %v; %+v; hint: %s", what, e, e, fault.HintOf(e)))
		u, ok := e.(interface{ Unwrap() error })
		if !ok {
			break
		}
		e = u.Unwrap()
	}
	return err
}

// leak looks for every known value, in every encoding, in all that was said.
func (s *sitting) leak() error {
	said := append(s.said, fmt.Sprintf("printing the provider: %+v %#v", s.Provider, s.Provider))
	for _, text := range said {
		for _, v := range s.values {
			if v.IsPublic() {
				continue
			}
			for _, form := range secret.Encodings(v) {
				if strings.Contains(text, form) {
					return fmt.Errorf("LEAK: %s", strings.ReplaceAll(text, form, "<THE VALUE>"))
				}
			}
		}
	}
	return nil
}

func (s *sitting) traits() provider.Traits { return s.Provider.Traits() }

func (s *sitting) settle() {
	if s.Settled != nil {
		s.Settled()
	}
}

// other is the provider as another process sees it, else the provider itself.
func (s *sitting) other() provider.Provider {
	if s.Again != nil {
		return s.Again()
	}
	return s.Provider
}

// request is the engine's next request after the given live value.
func (s *sitting) request(current provider.Issued) provider.Request {
	s.issued++
	return provider.Request{
		Label: s.label(1, s.issued).String(), Generation: s.issued, Current: current.Handle,
	}
}

func (s *sitting) label(epoch, generation int) rotation.Label {
	return rotation.Label{Installation: s.labels, Epoch: epoch, Credential: "cred", Generation: generation, Attempt: 1}
}

// prepare makes or supplies the values for req, as far as the minter wants it.
func (s *sitting) prepare(req *provider.Request, current provider.Issued) error {
	switch s.traits().Minter {
	case rotation.ByRotor:
		maker, ok := provider.As[provider.Maker](s.Provider)
		if !ok {
			return fmt.Errorf("minter rotor, but there is no Make")
		}
		asked := *req
		asked.Values = current.Values
		values, err := maker.Make(s.ctx, asked)
		if s.hear("Make", err) != nil {
			return fmt.Errorf("Make fails: %w", err)
		}
		req.Values = values
	case rotation.ByPerson:
		if s.Supply == nil {
			return skip("the setup has no Supply")
		}
		req.Values = s.Supply()
	}
	s.note(req.Values.Secrets()...)
	return nil
}

// next brings the value after current to life, the way the engine does.
func (s *sitting) next(current provider.Issued) (provider.Issued, provider.Request, error) {
	req := s.request(current)
	if err := s.prepare(&req, current); err != nil {
		return provider.Issued{}, req, err
	}
	v, err := s.issue(s.ctx, s.Provider, req)
	if err != nil {
		return v, req, fmt.Errorf("Issue of generation %d fails: %w", req.Generation, err)
	}
	s.settle()
	return v, req, nil
}

func (s *sitting) issue(ctx context.Context, p provider.Provider, req provider.Request) (provider.Issued, error) {
	v, err := p.Issue(ctx, req)
	s.note(v.Values.Secrets()...)
	if err == nil {
		s.known[v.Handle] = v
	}
	return v, s.hear("Issue", err, v)
}

func (s *sitting) verify(ctx context.Context, v provider.Issued) error {
	return s.hear("Verify", s.Provider.Verify(ctx, v))
}

func (s *sitting) revoke(ctx context.Context, p provider.Provider, h rotation.Handle) error {
	err := s.hear("Revoke", end(ctx, p, s.known[h], h))
	s.settle()
	return err
}

// end revokes as the engine does: by the value where the provider wants that, and
// somebody knows it.
func end(ctx context.Context, p provider.Provider, v provider.Issued, h rotation.Handle) error {
	if by, ok := provider.As[provider.ValueRevoker](p); ok && len(v.Values) > 0 {
		return by.RevokeValue(ctx, v)
	}
	return p.Revoke(ctx, h)
}

func (s *sitting) probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	prober, _ := provider.As[provider.Prober](s.Provider)
	live, err := prober.Probe(ctx, v)
	return live, s.hear("Probe", err, live)
}

// linger waits until a value that was replaced has ended by itself.
func (s *sitting) linger() error {
	if s.Pass == nil {
		return skip("the setup has no Pass")
	}
	s.Pass(s.traits().Lingers + s.traits().Settle)
	return nil
}

// canRevoke: providers without an issuer, and some with minter person, revoke elsewhere;
// what ends by itself is not revoked.
func (s *sitting) canRevoke() error {
	switch t := s.traits(); {
	case t.NoIssuer:
		return skip("nobody outside refuses a value (NoIssuer)")
	case s.byHand != "":
		return skip("a person revokes: %s", s.byHand)
	case t.Lingers > 0:
		return skip("the old value ends by itself, %s after the new one is made", t.Lingers)
	}
	return nil
}

func (s *sitting) live() ([]rotation.Handle, error) {
	if s.Live == nil {
		return nil, nil
	}
	return s.Live(s.ctx)
}

// has says whether h is among the live values; true if nobody can tell.
func (s *sitting) has(h rotation.Handle) (bool, error) {
	all, err := s.live()
	if err != nil || s.Live == nil {
		return true, err
	}
	for _, l := range all {
		if l.ID == h.ID {
			return true, nil
		}
	}
	return false, nil
}

// wantKind demands an error of one of the kinds.
func wantKind(what string, err error, kinds ...fault.Kind) error {
	if err == nil {
		return fmt.Errorf("%s: no error; want kind %v", what, kinds)
	}
	for _, k := range kinds {
		if fault.KindOf(err) == k {
			return nil
		}
	}
	return fmt.Errorf("%s: the error is of kind %s, want %v: %w", what, fault.KindOf(err), kinds, err)
}

// wrong is v with each secret field changed into another text of the same shape:
// same length, same classes of characters, same beginning and end.
func wrong(v provider.Issued) provider.Issued {
	values := v.Values.Clone()
	for name, value := range values {
		if !value.IsPublic() {
			values[name] = secret.New(distort(value.Reveal()))
		}
	}
	v.Values = values
	return v
}

func distort(text string) string {
	b := []byte(text)
	for i := len(b) / 3; i < len(b)*2/3 || i == len(b)/3 && i < len(b); i++ {
		for _, class := range []string{"0123456789", "abcdef", "ABCDEF", "ghijklmnopqrstuvwxyz", "GHIJKLMNOPQRSTUVWXYZ"} {
			if at := strings.IndexByte(class, b[i]); at >= 0 {
				b[i] = class[(at+1)%len(class)]
				break
			}
		}
	}
	return string(b)
}
