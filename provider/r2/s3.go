package r2

import (
	"context"
	"crypto/rand"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/internal/sigv4"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/secret"
)

// seen is what S3 says to a pair.
type seen int

const (
	unclear  seen = iota // no answer of S3, or none about the pair
	works                // it did what was asked
	noRight              // it knows the key, and the key may not
	wrong                // it knows the id, and the secret is not its; or they are swapped
	notKnown             // 401: deleted, or not arrived yet
)

// list asks for one name in a bucket.
func (p *Provider) list(ctx context.Context, step, bucket string, values secret.Set) (seen, error) {
	var got struct {
		XMLName xml.Name `xml:"ListBucketResult"`
	}
	return p.ask(ctx, apiclient.Call{Step: step, Path: apiclient.Path("/%s", bucket), Query: url.Values{"list-type": {"2"}, "max-keys": {"1"}},
		Decode: func(body []byte) error { return xml.Unmarshal(body, &got) }}, values)
}

// erase asks a bucket to delete what cannot be there: S3 says yes to whoever may write,
// and nothing is left behind.
func (p *Provider) erase(ctx context.Context, bucket string, values secret.Set) (seen, error) {
	path := apiclient.Path("/%s/%s", bucket, "rotor-verify-"+strings.ToLower(rand.Text()))
	return p.ask(ctx, apiclient.Call{Step: "verify", Method: http.MethodDelete, Path: path, Reads: true,
		OK: []int{http.StatusNoContent}, Judge: allowed}, values)
}

func (p *Provider) ask(ctx context.Context, call apiclient.Call, values secret.Set) (seen, error) {
	var a apiclient.Answer
	call.Answer, call.Header = &a, http.Header{"Accept": {"application/xml"}}
	call.Auth = sigv4.Scope{Service: "s3", Region: "auto"}.With(values[idField], values[keyField])
	if call.Judge == nil {
		call.Judge = aboutValue
	}
	err := p.s3.Do(ctx, call)
	if err == nil {
		return works, nil
	}
	return read(a), err
}

// refusal reads S3's own; nothing else has this form.
func refusal(a apiclient.Answer) (code, message string, ok bool) {
	var e struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}
	if xml.Unmarshal(a.Body, &e) != nil || e.Code == "" {
		return "", "", false
	}
	return e.Code, e.Message, true
}

// read is what a refusal says about the pair.
func read(a apiclient.Answer) seen {
	code, message, ok := refusal(a)
	switch {
	case !ok || a.Status/100 != 4:
		return unclear
	case code == "AccessDenied":
		return noRight
	case code == "SignatureDoesNotMatch", code == "InvalidArgument" && strings.Contains(message, "access key"):
		return wrong
	case code == "Unauthorized" && a.Status == http.StatusUnauthorized, code == "InvalidAccessKeyId":
		return notKnown
	}
	return unclear
}

// aboutValue: what is refused here is the value, not Rotor's own token.
func aboutValue(a apiclient.Answer) *apiclient.Verdict {
	code, _, ok := refusal(a)
	switch {
	case !ok:
		return nil
	case code == "RequestTimeTooSkewed", code == "ExpiredRequest":
		return verdict(fault.BadConfig, "the clock of this machine is minutes off, and a signature holds the time: set it (NTP); no key is wrong because of this")
	case code == "NoSuchBucket":
		return verdict(fault.BadConfig, "check buckets, jurisdiction and account-id: there is no such bucket")
	case code == "SlowDown" || code == "TooManyRequests":
		return verdict(fault.Transient, "")
	case a.Status/100 == 4:
		return verdict(fault.Unknown, "")
	}
	return nil
}

// allowed also recognises that the object was not there, which only who may write is told.
func allowed(a apiclient.Answer) *apiclient.Verdict {
	if code, _, ok := refusal(a); ok && code == "NoSuchKey" {
		return verdict(fault.Rejected, noSuchKey)
	}
	return aboutValue(a)
}

const noSuchKey = "the object was not there, as it should be"

// words is the verdict of Verify on what S3 said; nil for a pair that works.
func (s seen) words(what string, err error) error {
	switch {
	case s == works || fault.HintOf(err) == noSuchKey && err != nil:
		return nil
	case s == wrong:
		return fault.New(fault.Rejected, "%s: the secret is not that of the key id", what).WithHint("are the two swapped, or of different keys?")
	case s == notKnown:
		return fault.New(fault.Rejected, "%s: the value is refused (%s)", what, provider.Refused) // half a proof, see Probe: no ErrRefused
	case s == noRight:
		return provider.Judged(what, provider.Restricted, nil)
	}
	return provider.Judged(what, provider.NotKnown, err)
}
