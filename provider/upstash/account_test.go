package upstash_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	double "github.com/agenticverz/rotor/doubles/upstash"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/resp"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/provider/upstash"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

func TestMain(m *testing.M) { testserver.Main(m) }

// account is a double and the way to it.
type account struct {
	*double.Double
	opts upstash.Options
	url  string
}

func newAccount(t testing.TB, strategy rotation.Strategy, o double.Options) *account {
	t.Helper()
	d, err := double.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	return &account{Double: d, url: server.URL, opts: upstash.Options{Email: d.Email, APIKey: "env:UPSTASH_API_KEY", Database: d.Database,
		Strategy: strategy, BaseURL: server.URL + "/v2", Address: d.Address(), RESTURL: server.URL + "/rest"}}
}

// both is what every one of our providers can do.
type both interface {
	provider.Provider
	provider.Prober
	provider.Preflighter
	provider.Identifier
	Close() error
}

func (a *account) open(t testing.TB) both {
	t.Helper()
	p, err := upstash.New(a.opts, secret.Fixed(secret.New(a.Key)), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.(both).Close() })
	return p.(both)
}

// rotate issues the next value, the way the engine does.
func rotate(t testing.TB, p provider.Provider) provider.Issued {
	t.Helper()
	req := provider.Request{Label: "t" + strings.ToLower(rand.Text()[:10])}
	var err error
	if maker, ok := p.(provider.Maker); ok {
		if req.Values, err = maker.Make(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	v, err := p.Issue(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// realRedis is a Backend with a real server behind it.
type realRedis struct {
	t testing.TB
	*testserver.RedisUsers
}

func (r realRedis) Open(ctx context.Context) (double.Session, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(r.Port)))
	if err != nil {
		return nil, err
	}
	return resp.New(c), nil
}

func (r realRedis) Admin(ctx context.Context) (double.Session, error) {
	s, err := r.Open(ctx)
	if err == nil {
		_, err = s.Do(ctx, "AUTH", r.Redis.User, r.Password)
	}
	return s, err
}

// backends are the two that the double is tested with.
var backends = map[string]func(t testing.TB) double.Options{
	"double": func(testing.TB) double.Options { return double.Options{} },
	"redis": func(t testing.TB) double.Options {
		r := testserver.Redis(t)
		return double.Options{Backend: realRedis{t, r}, Prefix: r.Prefix + strings.ToLower(rand.Text()[:6]) + "-"}
	},
}

// watched remembers whether a value of its own lives: the user default is always there.
type watched struct {
	*upstash.InPlace
	lives *bool
}

func (w watched) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	v, err := w.InPlace.Issue(ctx, req)
	*w.lives = *w.lives || err == nil || fault.KindOf(err).MayHaveHappened()
	return v, err
}

func (w watched) Revoke(ctx context.Context, h rotation.Handle) error {
	err := w.InPlace.Revoke(ctx, h)
	*w.lives = *w.lives && err != nil
	return err
}

func (w watched) live(ctx context.Context) ([]rotation.Handle, error) {
	if !*w.lives {
		return nil, nil
	}
	v, err := w.Reveal(ctx, rotation.Handle{})
	return []rotation.Handle{v.Handle}, err
}

// sitter is an account as the exam wants it: all ways to it can be broken.
// watch stands between the line and the double.
func sitter(t testing.TB, strategy rotation.Strategy, o double.Options, watch func(http.Handler) http.Handler, change ...func(*upstash.Options)) providertest.Subject {
	a := newAccount(t, strategy, o)
	for _, c := range change {
		c(&a.opts)
	}
	line := providertest.NewLine(t, watch(a.Double))
	rest := providertest.NewPipe(t, a.url[len("http://"):])
	redis := providertest.NewPipe(t, a.Address())
	redis.Effect = func(request []byte) bool {
		return bytes.Contains(request, []byte("SETUSER")) || bytes.Contains(request, []byte("DELUSER"))
	}
	a.opts.BaseURL, a.opts.RESTURL, a.opts.Address = line.URL+"/v2", "http://"+rest.Address()+"/rest", redis.Address()
	hooks := line.HTTP(providertest.Reply{}, providertest.Reply{Status: 404, Body: `{"error":"database not found"}`})
	hooks.Elsewhere = "a login over RESP, and the data base's own REST"
	s := providertest.Subject{
		Secrets: []secret.Value{secret.New(a.Key), secret.New(a.Password())},
		Break:   providertest.BreakAll(line.Break, rest.Break, redis.Break), HTTP: hooks,
		Pass: a.Clock.Advance, Impostor: func(context.Context) (secret.Set, error) { return impostor(t, strategy, a), nil },
	}
	if strategy == rotation.InPlace {
		lives := false
		again := func() provider.Provider { return watched{a.open(t).(*upstash.InPlace), &lives} }
		s.Provider, s.Again = again(), again
		s.Live = s.Provider.(watched).live
		return s
	}
	s.Provider, s.Again = a.open(t), func() provider.Provider { return a.open(t) }
	s.Live = func(ctx context.Context) ([]rotation.Handle, error) {
		found, err := a.open(t).(*upstash.Overlap).Find(ctx, "")
		var out []rotation.Handle
		for _, f := range found {
			out = append(out, f.Handle)
		}
		return out, err
	}
	if _, real := o.Backend.(realRedis); !real {
		s.Flap = func() { a.Flap() }
	}
	s.Stranger = func(ctx context.Context) (rotation.Handle, error) {
		v := rotate(t, a.open(t))
		return v.Handle, nil
	}
	return s
}

// impostor is a living value of somebody else: another user's, or in place that of
// another data base.
func impostor(t testing.TB, strategy rotation.Strategy, a *account) secret.Set {
	if strategy == rotation.Overlap {
		return rotate(t, a.open(t)).Values
	}
	other := newAccount(t, strategy, double.Options{})
	return rotate(t, other.open(t)).Values
}

// TestOneLogin: without REST a value is used once when it is verified, and may be refused
// in another region then.
func TestOneLogin(t *testing.T) {
	providertest.Run(t, providertest.Setup{Open: func(t testing.TB) providertest.Subject {
		return sitter(t, rotation.Overlap, double.Options{}, func(h http.Handler) http.Handler { return h }, noREST)
	}})
}

func noREST(o *upstash.Options) { o.NoREST = true }

// TestExam: with logins to the double alone, and with a real Redis behind it; then the
// same in rotations that are killed at every step, or get no answer.
func TestExam(t *testing.T) {
	for _, strategy := range []rotation.Strategy{rotation.InPlace, rotation.Overlap} {
		for name, backend := range backends {
			t.Run(string(strategy)+"/"+name, func(t *testing.T) {
				t.Parallel()
				setup := providertest.Setup{Open: func(t testing.TB) providertest.Subject {
					return sitter(t, strategy, backend(t), func(h http.Handler) http.Handler { return h })
				}}
				providertest.Run(t, setup)
				t.Run("journey", func(t *testing.T) { providertest.Journey(t, setup) })
			})
		}
	}
}

// dial connects to the double's Redis.
func dial(t *testing.T, a *account) *resp.Conn {
	t.Helper()
	raw, err := net.Dial("tcp", a.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	return resp.New(raw)
}
