package compose

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/compose"
	"github.com/agenticverz/rotor/secret"
)

func TestVerdict(t *testing.T) {
	user := func(c consumer.Change, now, before string) consumer.Change {
		c.Values["USER"], c.Old["USER"] = secret.Public(now), secret.Public(before)
		return c
	}
	noOld := func(c consumer.Change) consumer.Change { c.Old = nil; return c }
	unknownOld := change(newKey, "")
	unknownOld.Old = nil
	dual := change(newKey, oldKey)
	dual.Values["API_KEY_PREVIOUS"] = secret.New(oldKey)
	weak := change(newKey, "postgres")
	for name, tc := range map[string]struct {
		env  []string
		args []string
		c    consumer.Change
		want consumer.Proof
	}{
		"new key":                         {[]string{"API_KEY=" + newKey}, nil, change(newKey, oldKey), consumer.Proven},
		"old key":                         {[]string{"API_KEY=" + oldKey}, nil, change(newKey, oldKey), consumer.NotYet},
		"another key":                     {[]string{"API_KEY=third"}, nil, change(newKey, oldKey), consumer.NotYet},
		"empty":                           {[]string{"API_KEY="}, nil, change(newKey, oldKey), consumer.NotYet},
		"nothing of it":                   {[]string{"PATH=/bin"}, nil, change(newKey, oldKey), consumer.CannotTell},
		"new under another name":          {[]string{"OPENAI_KEY=" + newKey}, nil, change(newKey, oldKey), consumer.Proven},
		"old under another name":          {[]string{"OPENAI_KEY=" + oldKey}, nil, change(newKey, oldKey), consumer.NotYet},
		"new in a URL":                    {[]string{"DATABASE_URL=postgres://u:" + newKey + "@db/x"}, nil, change(newKey, oldKey), consumer.Proven},
		"old in a URL, new beside it":     {[]string{"URL=x:" + oldKey + "@db", "API_KEY=" + newKey}, nil, change(newKey, oldKey), consumer.NotYet},
		"new as argument":                 {nil, []string{"--token=" + newKey}, change(newKey, oldKey), consumer.Proven},
		"old as argument":                 {nil, []string{"--token", oldKey}, change(newKey, oldKey), consumer.NotYet},
		"only an unchanged key":           {[]string{"USER=nova"}, nil, user(change(newKey, oldKey), "nova", "nova"), consumer.CannotTell},
		"the name changed with the key":   {[]string{"USER=nova_b"}, nil, user(change(newKey, oldKey), "nova_b", "nova_a"), consumer.Proven},
		"the name is the old one":         {[]string{"USER=nova_a"}, nil, user(change(newKey, oldKey), "nova_b", "nova_a"), consumer.NotYet},
		"nothing known of before":         {[]string{"API_KEY=" + newKey}, nil, unknownOld, consumer.Proven},
		"dual keys":                       {[]string{"API_KEY=" + newKey, "API_KEY_PREVIOUS=" + oldKey}, nil, dual, consumer.Proven},
		"a weak old password":             {[]string{"API_KEY=" + newKey, "DATABASE_URL=postgres://postgres@db/postgres"}, nil, weak, consumer.Proven},
		"a name, nothing known of before": {[]string{"USER=nova_a"}, nil, noOld(user(change(newKey, oldKey), "nova_a", "")), consumer.CannotTell},
		"nothing changed at all":          {[]string{"API_KEY=" + newKey}, nil, change(newKey, newKey), consumer.CannotTell},
	} {
		if got := verdict(container(t, tc.env, tc.args), tc.c); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func container(t *testing.T, env, args []string) compose.Container {
	t.Helper()
	text, err := json.Marshal([]any{map[string]any{"Id": "3fae", "Args": args, "Config": map[string]any{"Env": env}}})
	if err != nil {
		t.Fatal(err)
	}
	all, err := compose.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

func TestSurge(t *testing.T) {
	for name, tc := range map[string]struct {
		rolling        string
		want, capacity int
		surge          int
		refused        bool
	}{
		"alone":                     {auto, 1, 0, 0, false},
		"two":                       {auto, 2, 0, 2, false},
		"two, room for one":         {auto, 2, 3, 1, false},
		"two, no room":              {auto, 2, 2, 0, false},
		"alone, asked for":          {scale, 1, 0, 1, false},
		"alone, fixed port":         {scale, 1, 1, 0, true},
		"two, room for one, scale":  {scale, 2, 3, 0, true},
		"two, room for one, by one": {oneByOne, 2, 3, 1, false},
		"two, no room, by one":      {oneByOne, 2, 2, 0, true},
	} {
		c, err := New(Options{Services: []string{"a"}, Rolling: tc.rolling}, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.surge("a", compose.Service{Replicas: tc.want, Capacity: tc.capacity}, tc.want)
		if got != tc.surge || (err != nil) != tc.refused {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]Options{
		"no services":       {},
		"service twice":     {Services: []string{"a", "a"}},
		"option as service": {Services: []string{"--all"}},
		"file and files":    {Services: []string{"a"}, File: "x", Files: []string{"y"}},
		"comma in a file":   {Services: []string{"a"}, File: "x,y"},
		"project":           {Services: []string{"a"}, Project: "Big"},
		"strategy":          {Services: []string{"a"}, Strategy: "reboot"},
		"signal":            {Services: []string{"a"}, Strategy: "signal:KILL"},
		"rolling":           {Services: []string{"a"}, Rolling: "all"},
		"negative":          {Services: []string{"a"}, Drain: -time.Second},
	} {
		if _, err := New(o, "/", nil); err == nil || fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(Options{Services: []string{"a"}, Strategy: "signal:SIGHUP", Files: []string{"a.yml", "/b.yml"}}, ".", nil); err != nil {
		t.Error(err)
	}
}

// Half of the replicas prove nothing for the whole.
func TestFewerContainersCannotBeProven(t *testing.T) {
	c, err := New(Options{Services: []string{"b"}}, "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	k := container(t, []string{"API_KEY=" + newKey}, nil)
	k.Status = "running"
	for n, want := range map[int]consumer.Proof{0: consumer.NotYet, 1: consumer.CannotTell, 2: consumer.Proven, 3: consumer.Proven} {
		if got := c.proof(unit{service: "b", count: 2}, slices.Repeat([]compose.Container{k}, n), change(newKey, oldKey)); got != want {
			t.Errorf("%d of 2: %q", n, got)
		}
	}
}

// Listed again in the middle of a roll: as many are wanted as before it.
func TestUnitCountsOneGeneration(t *testing.T) {
	running := func(id, hash string) compose.Container {
		return compose.Container{ID: strings.Repeat(id, 12), Status: "running", ConfigHash: hash}
	}
	exited := running("e", "new")
	exited.Status = "exited"
	for want, containers := range map[string][]compose.Container{
		"b":                           {exited},
		"b@aaaaaaaaaaaa,bbbbbbbbbbbb": {running("b", "old"), running("a", "old"), exited},
		"b@2:aaaaaaaaaaaa,bbbbbbbbbbbb,cccccccccccc": {running("a", "old"), running("b", "old"), running("c", "new")},
		"b@1:aaaaaaaaaaaa,bbbbbbbbbbbb":              {running("a", "old"), running("b", "new")},
	} {
		u := unitOf("b", containers)
		again, err := parseUnit(u.String())
		if u.String() != want || err != nil || again.count != u.count {
			t.Errorf("%q, %+v, %v; want %q", u, again, err, want)
		}
	}
}

// Keys that steer docker compose itself do not reach it from a store.
func TestUsableLeavesOutWhatSteersTheChild(t *testing.T) {
	all := secret.Set{}
	for _, name := range []string{"API_KEY", "PATH", "LD_PRELOAD", "DOCKER_HOST", "COMPOSE_FILE", "with-dash", "HOME"} {
		all[name] = secret.New("x")
	}
	if got := usable(all); len(got) != 1 || got["API_KEY"].IsZero() {
		t.Errorf("%d keys", len(got))
	}
}

func FuzzUnit(f *testing.F) {
	for _, s := range []string{"backend", "backend@3fae12d0c1b2", "b@3fae12d0c1b2,9b01cc77aa10", "@", "b@", "b@x", "--help", "b@3fae12d0c1b2,", "b@1:3fae12d0c1b2,9b01cc77aa10",
		"b@3:3fae12d0c1b2", "b@01:3fae12d0c1b2,9b01cc77aa10", "b@-1:3fae12d0c1b2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := parseUnit(text)
		if err == nil && u.String() != text {
			t.Errorf("%q became %q", text, u)
		}
		if err == nil && (strings.HasPrefix(u.service, "-") || u.service == "") {
			t.Errorf("%q: a service that docker would take for an option", text)
		}
	})
}
