package cloudflare

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

// allowed is how far the date of a signature may be off.
const allowed = 15 * time.Minute

// s3 is PATH/BUCKET and PATH/BUCKET/NAME, where PATH says the jurisdiction.
func (d *Double) s3(w http.ResponseWriter, r *http.Request) {
	jurisdiction, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/s3"), "/")
	if jurisdiction = strings.TrimPrefix(jurisdiction, "-"); jurisdiction == "" {
		jurisdiction = "default"
	}
	s, signed := doubles.SignatureOf(r)
	k := d.tokens.Known(s.ID)
	off := time.Now().Add(d.skew).Sub(s.At).Abs()
	switch {
	case !signed:
		refuse(w, http.StatusBadRequest, "InvalidArgument", "Authorization")
	case len(s.ID) != 32:
		refuse(w, http.StatusBadRequest, "InvalidArgument", fmt.Sprintf("Credential access key has length %d, should be 32", len(s.ID)))
	case off > allowed:
		refuse(w, http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the server's time is too large.")
	case k == nil:
		refuse(w, http.StatusUnauthorized, "Unauthorized", "Unauthorized")
	case s.Service != "s3" || s.Region != "auto" || !s.By(SecretOf(k.Value)):
		refuse(w, http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your secret access key and signing method.")
	case !d.signedBy(k):
		refuse(w, http.StatusUnauthorized, "Unauthorized", "Unauthorized")
	default:
		bucket, name, _ := strings.Cut(rest, "/")
		d.object(w, r, k, jurisdiction, bucket, name)
	}
}

func (d *Double) signedBy(k *doubles.Key) bool {
	before := k.Used
	ok := d.use(k)
	if d.opts.Blind && k.Used != before && !before.IsZero() {
		k.Used = before
	}
	return ok
}

func (d *Double) object(w http.ResponseWriter, r *http.Request, k *doubles.Key, jurisdiction, bucket, name string) {
	write := r.Method != http.MethodGet
	switch {
	case bucket == "" || !d.may(k, jurisdiction, bucket, write):
		refuse(w, http.StatusForbidden, "AccessDenied", "Access Denied")
	case d.buckets[bucket] != jurisdiction:
		refuse(w, http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist.")
	case r.Method == http.MethodPut && name != "":
		d.objects[bucket+"/"+name] = true
	case r.Method == http.MethodDelete && name != "":
		delete(d.objects, bucket+"/"+name)
		w.WriteHeader(http.StatusNoContent) // whether there was one or not
	case r.Method == http.MethodGet && r.URL.Query().Get("list-type") == "2":
		w.Header().Set("Content-Type", "application/xml")
		fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>%s</Name><MaxKeys>1</MaxKeys><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>", bucket)
	default:
		refuse(w, http.StatusNotImplemented, "NotImplemented", "not implemented")
	}
}

// may says what a token's policies allow.
func (d *Double) may(k *doubles.Key, jurisdiction, bucket string, write bool) bool {
	one, every := "com.cloudflare.edge.r2.bucket."+d.Account+"_"+jurisdiction+"_"+bucket, "com.cloudflare.api.account."+d.Account
	for _, p := range d.about[k.ID].policies {
		inner, _ := p.Resources[every].(map[string]any)
		if p.Resources[one] != "*" && inner["com.cloudflare.edge.r2.bucket.*"] != "*" {
			continue
		}
		for _, g := range p.Groups {
			if g.Name == itemWrite || g.Name == itemRead && !write {
				return true
			}
		}
	}
	return false
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
}
