package github

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/internal/githubapi"
	"github.com/agenticverz/rotor/secret"
)

// GitHub takes no JWT of the future, and none that is good for more than ten minutes.
const (
	jwtBefore = time.Minute
	jwtFor    = 9 * time.Minute
)

// asApp presents a JWT that is signed with the App's private key, fresh for each request.
func (p *Installation) asApp(r *http.Request, _ []byte) error {
	token, err := p.jwt(r.Context())
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return nil
}

func (p *Installation) jwt(ctx context.Context) (string, error) {
	text, err := p.key(ctx)
	if err != nil {
		return "", err
	}
	key, err := privateKey(text)
	if err != nil {
		return "", err
	}
	now := p.now()
	claims, err := json.Marshal(map[string]any{"iss": p.opts.AppID, "iat": now.Add(-jwtBefore).Unix(), "exp": now.Add(jwtFor).Unix()})
	if err != nil {
		return "", err
	}
	signed := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fault.New(fault.BadConfig, "github: private-key cannot sign").WithHint("is it whole? make a new one in the App's settings")
	}
	return signed + "." + encode(signature), nil
}

func encode(text []byte) string { return base64.RawURLEncoding.EncodeToString(text) }

// privateKey reads PEM in either form. What went through an environment variable may
// have \n for its line breaks.
func privateKey(text secret.Value) (*rsa.PrivateKey, error) {
	bad := func(what string) error {
		return fault.New(fault.BadConfig, "github: private-key %s", what).
			WithHint("it must refer to the whole file that the App's settings gave: -----BEGIN RSA PRIVATE KEY-----")
	}
	plain := text.Reveal()
	if !strings.Contains(plain, "\n") {
		plain = strings.ReplaceAll(plain, `\n`, "\n")
	}
	block, _ := pem.Decode([]byte(plain))
	if block == nil {
		return nil, bad("is not PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, isRSA := parsed.(*rsa.PrivateKey)
	if err != nil || !isRSA {
		return nil, bad("is no RSA private key")
	}
	return key, nil
}

// refusedApp says what to do about a JWT that GitHub does not take.
func (p *Installation) refusedApp(a apiclient.Answer) *apiclient.Verdict {
	message, ok := githubapi.Says(a)
	switch {
	case !ok:
		return nil
	case a.Status == http.StatusUnauthorized && strings.Contains(message, " claim"):
		hint := "this machine's clock differs from GitHub's; set it right"
		if at := a.Date(); !at.IsZero() {
			hint = "this machine's clock is " + ahead(p.now().Sub(at)) + " GitHub's; set it right"
		}
		return &apiclient.Verdict{Kind: fault.Denied, Hint: hint}
	case a.Status == http.StatusUnauthorized:
		return &apiclient.Verdict{Kind: fault.Denied, Hint: "private-key is none of the App's; is it of the App with this app-id, and not deleted there?"}
	case a.Status == http.StatusNotFound && strings.Contains(message, "Integration"):
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: "there is no App with this app-id"}
	case a.Status == http.StatusNotFound:
		return &apiclient.Verdict{Kind: fault.BadConfig, Hint: "the App has no installation with this installation-id; was it uninstalled?"}
	case a.Status == http.StatusForbidden && strings.Contains(message, "suspended"):
		return suspended
	}
	return nil
}

func ahead(d time.Duration) string {
	if d < 0 {
		return (-d).Round(time.Second).String() + " behind"
	}
	return d.Round(time.Second).String() + " ahead of"
}

var suspended = &apiclient.Verdict{Kind: fault.Denied, Hint: "the installation is suspended: whoever owns the account must let it go on"}
