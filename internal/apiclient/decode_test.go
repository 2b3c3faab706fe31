package apiclient

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
)

// TestXML: an API that answers in XML; a web page is told apart by its name.
func TestXML(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		body, want string
	}{
		"good":            {200, `<?xml version="1.0"?><Made><Key>` + canary + `</Key></Made>`, ""},
		"cut off":         {200, `<Made><Key>` + canary, "unexpected form"},
		"another element": {200, `<Other><Key>` + canary + `</Key></Other>`, "unexpected form"},
		"a login page":    {200, "<!DOCTYPE html><p>" + canary, "web page"},
		"a lower one":     {200, "<html><p>" + canary, "web page"},
		"empty":           {200, "", "empty"},
		"refused":         {400, "<Error><Message>" + canary + "</Message></Error>", "status 400"},
		"a gateway":       {502, "<html>" + canary, "status 502"},
	} {
		base := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		})
		var out struct {
			XMLName xml.Name `xml:"Made"`
			Key     Secret
		}
		err := client(t, base).Do(t.Context(), Call{Step: "issue", Method: "POST", Path: "/", Decode: func(body []byte) error { return xml.Unmarshal(body, &out) }})
		clean(t, err)
		switch {
		case c.want == "":
			if err != nil || out.Key.Reveal() != canary || strings.Contains(fmt.Sprint(out), canary) {
				t.Errorf("%s: %v, %v", name, err, out)
			}
		case err == nil || !strings.Contains(err.Error(), c.want) || c.status != 400 && fault.KindOf(err) != fault.Unknown:
			t.Errorf("%s: %v, want %q", name, err, c.want)
		case (c.status == 502) != strings.Contains(fault.HintOf(err), "a proxy, a firewall"):
			t.Errorf("%s: hint %q", name, fault.HintOf(err))
		}
	}
}
