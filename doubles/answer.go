package doubles

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// Object is a JSON object in the making.
type Object = map[string]any

// Bearer is the credential in `Authorization: Bearer …`, or "".
func Bearer(r *http.Request) string {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return ""
	}
	return text
}

// ReadJSON decodes a request's body; false if it is none. An empty body decodes to
// nothing. Unknown fields are accepted, as vendors do.
func ReadJSON(r *http.Request, into any) bool {
	err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20)).Decode(into)
	return err == nil || err.Error() == "EOF"
}

// Number reads a number of the query, or gives what stands for none.
func Number(r *http.Request, name string, otherwise, most int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil || n < 1 {
		return otherwise
	}
	return min(n, most)
}
