// Package sigv4 signs requests the way AWS wants it, and everything that speaks S3.
//
// What surprises: a signature holds this machine's time, and a clock that is minutes
// off makes every key look wrong. Whoever judges the answer must look for that first.
package sigv4

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/secret"
)

// Scope is where a signature counts.
type Scope struct {
	Service string // "iam", "sts", "s3"
	Region  string
	Now     func() time.Time // nil: the machine's clock
}

// Auth signs with what the sources give; both are read at each request.
func (s Scope) Auth(id, key secret.Source) apiclient.Auth {
	return func(r *http.Request, body []byte) error {
		i, err := id(r.Context())
		if err != nil {
			return err
		}
		k, err := key(r.Context())
		if err != nil {
			return err
		}
		return s.sign(r, body, i, k)
	}
}

// With signs with one pair.
func (s Scope) With(id, key secret.Value) apiclient.Auth {
	return s.Auth(secret.Fixed(id), secret.Fixed(key))
}

func (s Scope) sign(r *http.Request, body []byte, id, key secret.Value) error {
	if err := sendable(id, "access key id"); err != nil {
		return err
	}
	if err := sendable(key, "secret access key"); err != nil {
		return err
	}
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	sum := sha256.Sum256(body)
	digest := hex.EncodeToString(sum[:])
	if s.Service == "s3" {
		r.Header.Set("X-Amz-Content-Sha256", digest) // it refuses requests without
	}
	// a signer of its own: one that is kept remembers keys derived from the secret
	return v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = s.Service == "s3" }).
		SignHTTP(context.Background(), aws.Credentials{AccessKeyID: id.Reveal(), SecretAccessKey: key.Reveal()}, r, digest, s.Service, s.Region, now())
}

// sendable: the id stands in a header, and an empty one is a mistake that the vendor
// would answer with misleading words.
func sendable(v secret.Value, what string) error {
	text := v.Reveal()
	switch {
	case text == "":
		return fault.New(fault.BadConfig, "the %s is empty", what).WithHint("check what the option refers to")
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return fault.New(fault.BadConfig, "the %s holds a space, a line break or another character that none has", what).
			WithHint("check what the option refers to; a file must hold it alone")
	}
	return nil
}
