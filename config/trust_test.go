package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTrust(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	file := filepath.Join(tree(t, "rotor.yaml"), "rotor.yaml")
	trusts := TrustFile(dir)
	when := time.Date(2026, 11, 23, 10, 0, 0, 5, time.FixedZone("x", 3600))
	if trusts.Trusted(file, "h1") {
		t.Error("trusted before anybody said so")
	}
	if err := trusts.Add(Trust{Path: file, Hash: "h1", Who: "ana", When: when}); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.yaml")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	if !trusts.Trusted(file, "h1") || !TrustFile(dir).Trusted(link, "h1") {
		t.Error("not trusted after it was said")
	}
	if trusts.Trusted(file, "h2") || trusts.Trusted(file+"x", "h1") || trusts.Trusted(file, "") {
		t.Error("another content or file is trusted")
	}
	if at, err := os.Stat(filepath.Join(dir, "trust.json")); err != nil || at.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", at.Mode(), err)
	}
	if err := trusts.Add(Trust{Path: link, Hash: "h2", Who: "ana", When: when}); err != nil {
		t.Fatal(err)
	}
	all, err := trusts.List()
	if err != nil || len(all) != 1 || all[0].Hash != "h2" || all[0].When.Format(time.RFC3339) != "2026-11-23T09:00:00Z" || trusts.Trusted(file, "h1") {
		t.Errorf("%+v, %v", all, err)
	}
	if err := trusts.Remove(file); err != nil || trusts.Trusted(file, "h2") {
		t.Errorf("still trusted after removal, %v", err)
	}
}

func TestDamagedTrustTrustsNothing(t *testing.T) {
	dir := t.TempDir()
	trusts, path := TrustFile(dir), filepath.Join(dir, "trust.json")
	if err := trusts.Add(Trust{Path: "/a", Hash: "h"}); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if trusts.Trusted("/a", "h") || trusts.Add(Trust{Path: "/b", Hash: "h"}) == nil {
		t.Error("a memory that anybody may write is believed")
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("[{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := trusts.List(); trusts.Trusted("/a", "h") || err == nil {
		t.Error("a damaged memory is believed")
	}
}

func TestSurfaceShowsEveryPairAndCommand(t *testing.T) {
	body := string(mustRead(t, "testdata/design.yaml"))
	body = strings.Replace(body, "checks:\n", "  hook: {type: exec, command: [/usr/bin/notify, \"a b\", \"\\e[2K\", \"$HOME\"]}\nchecks:\n  who: {type: http, url: \"https://u:p@api.example/me?x=1\", bearer: \"vault:app-prod#MACHINE_SECRET_TOKEN\"}\n", 1)
	var lines []string
	surface := Surface(mustParse(t, body))
	for _, e := range surface {
		lines = append(lines, e.String())
	}
	got := strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile("testdata/surface.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := string(mustRead(t, "testdata/surface.txt")); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if text, err := json.Marshal(surface); err != nil || !strings.Contains(string(text), `"argv":["/usr/bin/notify","a b"`) {
		t.Errorf("%s, %v", text, err)
	}
}
