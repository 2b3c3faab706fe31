package neon_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/neon"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
)

// family is a project with branches below main: preview (with a child of its own),
// old, guarded; fresh, which has another password; all but that one keep main's.
func family(t *testing.T, mode string) (a *account, ids map[string]string) {
	t.Helper()
	a = newAccount(t, double.Options{Polls: 1, PageSize: 2})
	a.opts.ChildBranches = mode
	ids = map[string]string{}
	for _, name := range []string{"preview", "old", "guarded", "fresh"} {
		ids[name] = a.Branch(name, a.Main())
	}
	ids["grandchild"] = a.Branch("grandchild", ids["preview"])
	a.Protect(ids["guarded"])
	a.Role(ids["fresh"], app)
	a.Idle(ids["old"], 30*24*time.Hour)
	a.Idle(ids["grandchild"], 20*24*time.Hour)
	return a, ids
}

func (a *account) keep(ids map[string]string, word string) (out []string) {
	for name, id := range ids {
		if a.Password(id, app) == word {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func TestListedBranchesAreAPersonsBusiness(t *testing.T) {
	t.Parallel()
	a, ids := family(t, "list")
	p := a.open(t)
	notes, err := p.Notes(t.Context(), provider.Request{})
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "4 other branches") || !strings.Contains(notes[0], "old ("+ids["old"]+", made 30 days ago, last used 30 days ago") ||
		!strings.Contains(notes[0], "protected") || strings.Contains(notes[0], "fresh") {
		t.Errorf("%v %q", err, notes)
	}
	list, err := p.Keepers(t.Context())
	if err != nil || len(list) != 4 || list[0].Name != "old" || list[1].Name != "grandchild" || !list[1].Below {
		t.Errorf("those unused for longest come first: %v %+v", err, list)
	}
	old := value(a.Password(a.Main(), app))
	if err := p.Verify(t.Context(), rotate(t, p)); err != nil {
		t.Fatal(err)
	}
	if got := a.keep(ids, mustReveal(old)); fmt.Sprint(got) != "[grandchild guarded old preview]" {
		t.Errorf("kept by %v; list touches nothing", got)
	}
	live, err := p.Probe(t.Context(), old)
	if live != provider.NotKnown || fault.KindOf(err) != fault.NeedsPerson || !strings.Contains(fault.HintOf(err), ids["preview"]) {
		t.Errorf("%s, %v, hint %q", live, err, fault.HintOf(err))
	}
	for _, id := range ids {
		a.Role(id, app)
	}
	if live, err := p.Probe(t.Context(), old); live != provider.Refused || err != nil {
		t.Errorf("when nobody keeps it: %s (%v)", live, err)
	}
}

func mustReveal(v provider.Issued) string { return v.Values["password"].Reveal() }

func TestIgnoredBranches(t *testing.T) {
	t.Parallel()
	a, _ := family(t, "ignore")
	p := a.open(t)
	old := value(a.Password(a.Main(), app))
	rotate(t, p)
	if live, err := p.Probe(t.Context(), old); live != provider.Refused || err != nil {
		t.Errorf("%s (%v)", live, err)
	}
	if n := a.Count("GET", "/branches/"); n != a.Count("GET", a.Main()) {
		t.Error("other branches were looked at")
	}
}

func TestRotatedBranches(t *testing.T) {
	t.Parallel()
	a, ids := family(t, "rotate")
	fresh := a.Password(ids["fresh"], app)
	p := a.open(t)
	old := value(a.Password(a.Main(), app))
	if err := p.Verify(t.Context(), rotate(t, p)); err != nil {
		t.Fatal(err)
	}
	if got := a.keep(ids, mustReveal(old)); fmt.Sprint(got) != "[guarded]" {
		t.Errorf("kept by %v; want the protected one alone", got)
	}
	if a.Password(ids["fresh"], app) != fresh {
		t.Error("a branch with another password was touched")
	}
	if live, err := p.Probe(t.Context(), old); live != provider.NotKnown || fault.KindOf(err) != fault.NeedsPerson || !strings.Contains(fault.HintOf(err), "protected") {
		t.Errorf("%s, %v", live, err)
	}
}

// script is a program that appends what it is told to a file.
func script(t *testing.T, exit int) (argv []string, wrote func() string) {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "rotor-neon-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	log, file := filepath.Join(dir, "log"), filepath.Join(dir, "hook")
	text := fmt.Sprintf("#!/bin/sh\necho \"$1 $ROTOR_NEON_BRANCH_NAME $(env | grep -c PASSWORD)\" >> %s\nexit %d\n", log, exit)
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return []string{file, "gone"}, func() string { got, _ := os.ReadFile(log); return string(got) }
}

func TestDeletedBranches(t *testing.T) {
	t.Parallel()
	a, ids := family(t, "delete")
	hook, wrote := script(t, 0)
	a.opts.AfterDelete = hook
	p := a.open(t)
	if err := p.Preflight(t.Context(), provider.Request{}); err != nil {
		t.Fatal(err)
	}
	old := value(a.Password(a.Main(), app))
	rotate(t, p)
	if got := fmt.Sprint(a.Branches()); got != "[fresh guarded main preview]" {
		t.Errorf("left are %s; want old and grandchild deleted", got)
	}
	if got := a.keep(ids, mustReveal(old)); fmt.Sprint(got) != "[guarded]" {
		t.Errorf("kept by %v; preview is in use and gets a password of its own", got)
	}
	if got := wrote(); got != "gone grandchild 0\ngone old 0\n" {
		t.Errorf("the hook said %q; deepest first", got)
	}
}

// TestAHookThatFails: the branch is gone, a person finishes, the rotation goes on.
func TestAHookThatFails(t *testing.T) {
	t.Parallel()
	a, _ := family(t, "delete")
	a.opts.AfterDelete, _ = script(t, 3)
	p := a.open(t)
	old := a.Password(a.Main(), app)
	for _, branch := range []string{"grandchild", "old"} {
		_, err := p.Issue(t.Context(), provider.Request{})
		if fault.KindOf(err) != fault.NeedsPerson || err == nil || !strings.Contains(fault.HintOf(err), branch) {
			t.Errorf("%v, hint %q", err, fault.HintOf(err))
		}
	}
	if a.Password(a.Main(), app) != old {
		t.Error("our own role was reset although the branches were not dealt with")
	}
	if err := p.Verify(t.Context(), rotate(t, p)); err != nil {
		t.Error(err)
	}
}

// TestLostAnswersOnBranches are no unknown outcome of ours, and the next try goes on.
func TestLostAnswersOnBranches(t *testing.T) {
	t.Parallel()
	a, ids := family(t, "delete")
	p := a.open(t)
	old := a.Password(a.Main(), app)
	a.Arm(doubles.Fault{Do: doubles.DropAfter, Method: "DELETE", Times: -1})
	a.Arm(doubles.Fault{Do: doubles.DropAfter, Method: "POST", Path: ids["preview"], Times: -1})
	tries := 0
	for a.Password(a.Main(), app) == old && tries < 20 {
		tries++
		if _, err := p.Issue(t.Context(), provider.Request{}); err != nil && fault.KindOf(err) != fault.Transient {
			t.Fatalf("try %d: %v", tries, err)
		}
		a.Settle()
	}
	if got := fmt.Sprint(a.Branches()); got != "[fresh guarded main preview]" || a.Password(ids["preview"], app) == old || tries != 4 {
		t.Errorf("%s after %d tries", got, tries)
	}
}
