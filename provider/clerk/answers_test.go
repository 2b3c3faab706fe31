package clerk_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	double "github.com/agenticverz/rotor/doubles/clerk"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/clerk"
	"github.com/agenticverz/rotor/secret"
)

// answers opens a kind before a server that says one thing, and to the Backend API's
// question for an application the truth.
func answers(t *testing.T, opts clerk.Options, status int, body, tokenURL string) provider.Provider {
	server := httptest.NewServer(nil)
	t.Cleanup(server.Close)
	a := newAccount(double.Options{}, opts)
	if tokenURL == "" {
		tokenURL = server.URL + "/oauth/token"
	}
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/oauth_applications/") {
			fmt.Fprintf(w, `{"object":"oauth_application","id":%q,"client_id":"c","token_fetch_url":%q}`, a.opts.OAuthApplication, tokenURL)
			return
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
	return a.open(t, server.URL)
}

// TestOddAnswers: what proves death, what proves life, and what proves nothing.
func TestOddAnswers(t *testing.T) {
	const envelope = `{"errors":[{"message":"m","long_message":"m","code":"%s"}]}`
	key, oauth := clerk.Options{}, clerk.Options{Kind: "oauth-client-secret"}
	for _, c := range []struct {
		opts   clerk.Options
		status int
		body   string
		want   provider.Liveness
	}{
		{key, 401, strings.Replace(envelope, "%s", "clerk_key_invalid", 1), provider.Refused},
		{key, 401, strings.Replace(envelope, "%s", "authentication_invalid", 1), provider.Refused},
		{key, 401, strings.Replace(envelope, "%s", "authorization_header_format_invalid", 1), provider.NotKnown},
		{key, 403, strings.Replace(envelope, "%s", "clerk_key_invalid", 1), provider.NotKnown},
		{key, 401, `{"errors":[]}`, provider.NotKnown},
		{key, 401, `{"error":"unauthorized"}`, provider.NotKnown},
		{key, 429, strings.Replace(envelope, "%s", "too_many_requests", 1), provider.NotKnown},
		{key, 200, `{}`, provider.NotKnown},
		{oauth, 401, `{"error":"invalid_client"}`, provider.Refused},
		{oauth, 400, `{"error":"invalid_grant"}`, provider.Alive},
		{oauth, 400, `{"error":"unauthorized_client"}`, provider.Alive},
		{oauth, 400, `{"error":"invalid_request"}`, provider.NotKnown},
		{oauth, 503, `{"error":"invalid_client"}`, provider.NotKnown},
		{oauth, 401, `<html>log in</html>`, provider.NotKnown},
		{oauth, 200, `{"access_token":"double"}`, provider.NotKnown},
	} {
		p := answers(t, c.opts, c.status, c.body, "")
		v := provider.Issued{Values: secret.Set{"secret_key": secret.New("double-key"), "client_secret": secret.New("double-key")}}
		live, err := p.(provider.Prober).Probe(t.Context(), v)
		if live != c.want || live == provider.NotKnown && err == nil {
			t.Errorf("%s %d %s: %s, %v", c.opts.Kind, c.status, c.body, live, err)
		}
		if err := p.Verify(t.Context(), v); c.want == provider.NotKnown && (err == nil || fault.KindOf(err) == fault.Rejected) {
			t.Errorf("Verify, %s %d %s: %v", c.opts.Kind, c.status, c.body, err)
		}
	}
}

// TestWhereASecretGoes: a client secret goes nowhere in the clear, whatever the API says.
func TestWhereASecretGoes(t *testing.T) {
	for _, address := range []string{"http://login.example.com/oauth/token", "ftp://login.example.com/t", "https://u:p@login.example.com/t", "login"} {
		p := answers(t, clerk.Options{Kind: "oauth-client-secret"}, 400, `{"error":"invalid_grant"}`, address)
		err := p.Verify(t.Context(), provider.Issued{Values: secret.Set{"client_secret": secret.New("double-secret")}})
		if err == nil || fault.KindOf(err) != fault.Unknown {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestAnAnswerAboutOthers: rotating answers with the one instance that was asked for;
// anything else may have been another, and is looked up.
func TestAnAnswerAboutOthers(t *testing.T) {
	for _, body := range []string{
		`{"application_id":"a","name":"n","instances":[]}`,
		`{"application_id":"a","name":"n","instances":[{"instance_id":"ins_x","environment_type":"development","secret_key":"double-other"}]}`,
		`{"application_id":"a","name":"n","instances":[{"instance_id":"ins_y","environment_type":"production"}]}`,
	} {
		p := answers(t, clerk.Options{PlatformToken: token, Instance: "production"}, 200, body, "")
		if v, err := p.Issue(t.Context(), request); err == nil || fault.KindOf(err) != fault.Unknown {
			t.Errorf("%s: %v, %v", body, v, err)
		}
	}
}
