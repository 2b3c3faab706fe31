package redis_test

import (
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/redis"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

func TestNewRefuses(t *testing.T) {
	two := []string{"a", "b"}
	for name, o := range map[string]redis.Options{
		"nothing":               {},
		"unknown strategy":      {Strategy: "twice", User: "a"},
		"overlap with two":      {User: "a", Users: two},
		"alternate with one":    {Strategy: rotation.Alternate, Users: two[:1]},
		"alternate, the same":   {Strategy: rotation.Alternate, Users: []string{"a", "a"}},
		"alternate with user":   {Strategy: rotation.Alternate, Users: two, User: "a"},
		"alternate default":     {Strategy: rotation.Alternate, Users: []string{"default", "b"}},
		"in-place named":        {Strategy: rotation.InPlace, User: "app"},
		"in-place with two":     {Strategy: rotation.InPlace, Users: two},
		"space in a name":       {User: "a b"},
		"long name":             {User: strings.Repeat("a", 201)},
		"short":                 {User: "a", Length: 21},
		"long":                  {User: "a", Length: 129},
		"persist":               {User: "a", Persist: "maybe"},
		"end-sessions":          {User: "a", EndSessions: "some"},
		"other-nodes":           {User: "a", OtherNodes: "x"},
		"other-passwords":       {User: "a", OtherPasswords: "x"},
		"rights":                {User: "a", Rights: "all"},
		"prefix without rights": {User: "a", KeyPrefix: "x"},
		"half a pair":           {User: "a", ClientCert: "x"},
		"skip and trust":        {User: "a", SkipVerify: true, CACert: "x"},
		"admin is no reference": {User: "a", Admin: "redis://canary-34x@host"},
		"address":               {User: "a", Addresses: []string{"canary-34x@host:1"}},
		"port":                  {User: "a", Addresses: []string{"host:0"}},
		"twice":                 {User: "a", Addresses: []string{"h:1", "h:1"}},
	} {
		_, err := redis.New(o, nil)
		if err == nil || fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" || strings.Contains(err.Error(), "canary-34x") {
			t.Errorf("%s: %v (hint %q)", name, err, fault.HintOf(err))
		}
	}
}

func TestType(t *testing.T) {
	typ := redis.Type()
	o := typ.NewOptions().(*redis.Options)
	o.User, o.Admin = "app", "env:ADMIN"
	if refs := typ.Refs(o); refs["admin"] != "env:ADMIN" {
		t.Error(refs)
	}
	bind := provider.BindFunc(func(string) (secret.Source, error) { return secret.Fixed(secret.New("redis://127.0.0.1:1")), nil })
	p, err := typ.New(o, provider.Context{Bind: bind})
	if err != nil || p.Traits().Strategy != rotation.Overlap || o.Strategy != "" {
		t.Errorf("%v, %+v", err, o)
	}
	o.Admin = ""
	if _, err := typ.New(o, provider.Context{Bind: bind}); fault.KindOf(err) != fault.BadConfig || err == nil {
		t.Error(err)
	}
	if strings.Contains(typ.Doc, "%!") {
		t.Error("the documents' format is broken")
	}
}

// TestPlaintextIsAskedFor: beyond this machine.
func TestPlaintextIsAskedFor(t *testing.T) {
	for host, refused := range map[string]bool{"redis.example.invalid": true, "192.0.2.1": true, "127.0.0.1": false, "localhost": false, "[::1]": false} {
		p, err := redis.New(redis.Options{User: "a"}, secret.Fixed(secret.New("redis://"+host+":1")))
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Now(t.Context())
		if refused != (err != nil && strings.Contains(err.Error(), "in clear")) {
			t.Errorf("%s: %v", host, err)
		}
	}
}
