// Package faulttest is for tests of what rooms report.
package faulttest

import (
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
)

// Want demands an error of a kind, with a hint that contains the words: a person must
// be told what to do next.
func Want(t testing.TB, what string, err error, kind fault.Kind, hint string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind || !strings.Contains(fault.HintOf(err), hint) {
		t.Errorf("%s: %v, %v; hint %q, want %s and %q", what, fault.KindOf(err), err, fault.HintOf(err), kind, hint)
	}
}
