package doubles

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Signature is what a request says of its own SigV4 signature.
type Signature struct {
	ID, Region, Service string
	At                  time.Time

	text    string // the whole header
	headers []string
	request *http.Request
	digest  string // of the body
}

// SignatureOf reads a request's signature, and its body, which it puts back. False if
// there is none of that form, or the body is not the one that was signed.
func SignatureOf(r *http.Request) (Signature, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, 1<<20))
	r.Body = io.NopCloser(bytes.NewReader(body))
	s := Signature{text: r.Header.Get("Authorization"), request: r}
	rest, found := strings.CutPrefix(s.text, "AWS4-HMAC-SHA256 ")
	if err != nil || !found {
		return s, false
	}
	parts := map[string]string{}
	for _, part := range strings.Split(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		parts[name] = value
	}
	scope := strings.Split(parts["Credential"], "/")
	if len(scope) != 5 || scope[4] != "aws4_request" || parts["Signature"] == "" {
		return s, false
	}
	s.ID, s.Region, s.Service = scope[0], scope[2], scope[3]
	s.headers = strings.Split(parts["SignedHeaders"], ";")
	sum := sha256.Sum256(body)
	s.digest = hex.EncodeToString(sum[:])
	s.At, err = time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	said := r.Header.Get("X-Amz-Content-Sha256")
	return s, err == nil && s.At.Format("20060102") == scope[1] && (said == "" && s.Service != "s3" || said == s.digest)
}

// By says whether that secret made the signature: it is made again from what arrived.
func (s Signature) By(secret string) bool {
	target, err := url.ParseRequestURI(s.request.RequestURI) // as sent; the path may have been cut since
	if err != nil {
		return false
	}
	again := &http.Request{Method: s.request.Method, URL: target, Host: s.request.Host, Header: http.Header{}}
	for _, name := range s.headers {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = s.request.ContentLength
		default:
			again.Header[http.CanonicalHeaderKey(name)] = s.request.Header.Values(name)
		}
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = s.Service == "s3" })
	err = signer.SignHTTP(context.Background(), aws.Credentials{AccessKeyID: s.ID, SecretAccessKey: secret}, again, s.digest, s.Service, s.Region, s.At)
	return err == nil && hmac.Equal([]byte(again.Header.Get("Authorization")), []byte(s.text))
}
