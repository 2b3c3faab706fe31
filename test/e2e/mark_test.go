package e2e

import (
	"net/http"
	"testing"
)

// TestTheStoreKeepsTheAuditHead: whoever cuts the tail of the audit off would have
// to change the store too.
func TestTheStoreKeepsTheAuditHead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plan{light: true, short: true, quiet: true})
	w.rotor("rotate", "database", "--yes", "--wait").want(t, 0)
	var out struct {
		Data struct {
			Custom map[string]string `json:"custom_metadata"`
		}
	}
	w.vault.must(http.MethodGet, w.vault.mount+"/metadata/database", nil, &out)
	head := out.Data.Custom["rotor-audit"]
	if head == "" {
		t.Fatalf("the mark has no audit head: %v", out.Data.Custom)
	}
	w.rotor("audit", "verify", "--head", head).want(t, 0)
	w.rotor("audit", "verify", "--head", "9"+head).want(t, 1)
}
