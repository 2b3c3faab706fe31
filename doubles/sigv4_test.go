package doubles_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/doubles"
)

// TestSignatures against an example that AWS publishes, and against what is not it.
func TestSignatures(t *testing.T) {
	const published = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, " +
		"Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
	const key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	for name, c := range map[string]struct {
		query, body, header, key string
		form, good               bool
	}{
		"as published":   {"Action=ListUsers&Version=2010-05-08", "", published, key, true, true},
		"another secret": {"Action=ListUsers&Version=2010-05-08", "", published, key + "x", true, false},
		"another query":  {"Action=ListRoles&Version=2010-05-08", "", published, key, true, false},
		"another body":   {"Action=ListUsers&Version=2010-05-08", "x", published, key, true, false},
		"another day":    {"Action=ListUsers&Version=2010-05-08", "", strings.Replace(published, "20150830/", "20150831/", 1), key, false, false},
		"no signature":   {"", "", "Bearer x", key, false, false},
	} {
		r := httptest.NewRequest("GET", "https://iam.amazonaws.com/?"+c.query, strings.NewReader(c.body))
		r.RequestURI = "/?" + c.query
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		r.Header.Set("X-Amz-Date", "20150830T123600Z")
		r.Header.Set("Authorization", c.header)
		s, form := doubles.SignatureOf(r)
		if form != c.form || form && s.By(c.key) != c.good {
			t.Errorf("%s: form %v, good %v", name, form, form && s.By(c.key))
		}
	}
}
