package exec

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// Options of `provider: {type: exec}`. Those from strategy on are the program's traits:
// what it answers to the method traits can be copied here as it is.
type Options struct {
	// Program with its arguments: an absolute path to a file that nobody but root and
	// Rotor's user can write, by custom called rotor-provider-NAME. There is no shell.
	// Arguments are no place for secrets: everybody on the machine can read them.
	Program []string `yaml:"program" json:"program"`
	// Secrets that the program needs to log in with, as references, by names of your own.
	// They are read at each run and handed over on standard input.
	Secrets map[string]string `yaml:"secrets,omitempty" json:"secrets,omitempty"`
	// Timeout of one run; longer is an unknown outcome.
	Timeout time.Duration `yaml:"timeout,omitempty" json:"timeout,omitempty" jsonschema:"default=1m"`
	// Strategy: overlap (default; two values live side by side), alternate (two accounts
	// taking turns) or in-place.
	Strategy string `yaml:"strategy,omitempty" json:"strategy,omitempty" jsonschema:"enum=overlap,enum=alternate,enum=in-place"`
	// Minter says who makes the value up: provider (default; the program's other side),
	// rotor or person.
	Minter string `yaml:"minter,omitempty" json:"minter,omitempty" jsonschema:"enum=provider,enum=rotor,enum=person"`
	// Fields of the value; default one secret field named value.
	Fields []Field `yaml:"fields,omitempty" json:"fields,omitempty"`
	// Can lists what the program can do besides traits, issue, verify and revoke: make,
	// find, list, reveal, revoke-value, identify, probe, usage, preflight, notes,
	// instructions, now.
	Can []string `yaml:"can,omitempty" json:"can,omitempty"`
	// Settle is how long a new or revoked value may still behave as before.
	Settle time.Duration `yaml:"settle,omitempty" json:"settle,omitempty"`
	// Steady is how long a new value must go on working before it is published.
	Steady time.Duration `yaml:"steady,omitempty" json:"steady,omitempty"`
	// InFlight is the longest time after which a request whose answer was lost may still
	// take effect. Default: timeout and one minute more.
	InFlight time.Duration `yaml:"in-flight,omitempty" json:"in-flight,omitempty"`
	// Quota is how many live values there can be; default no limit known.
	Quota int `yaml:"quota,omitempty" json:"quota,omitempty"`
	// Expires is after how long every value ends by itself; default never.
	Expires time.Duration `yaml:"expires,omitempty" json:"expires,omitempty"`
	// Lingers: once a new value is made, the old one ends by itself so long after, and
	// nobody can stop or hasten that. For overlap; default: it lives until it is revoked.
	// With minter provider the program must know reveal.
	Lingers time.Duration `yaml:"lingers,omitempty" json:"lingers,omitempty"`
	// Shared: others make values in the account that list lists. What a lost answer left
	// is then shown to a person instead of revoked.
	Shared bool `yaml:"shared,omitempty" json:"shared,omitempty"`
	// Outage says in words what fails meanwhile; required for in-place and with lingers.
	Outage string `yaml:"outage,omitempty" json:"outage,omitempty"`
}

// Field is one field of a value.
type Field struct {
	// Name, as templates use it: {{.name}}. Letters, digits and underscores.
	Name string `yaml:"name" json:"name"`
	// Public: the field is no secret (a key id, a user name) and may be shown.
	Public bool `yaml:"public,omitempty" json:"public,omitempty"`
}

var (
	fieldName  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	secretName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	typeName   = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
)

func bad(format string, args ...any) *fault.Error {
	return fault.New(fault.BadConfig, "exec: "+format, args...)
}

const defaultTimeout = time.Minute

// validated fills in the defaults.
func (o Options) validated() (Options, error) {
	if o.Strategy == "" {
		o.Strategy = string(rotation.Overlap)
	}
	if o.Minter == "" {
		o.Minter = string(rotation.ByProvider)
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.InFlight == 0 {
		o.InFlight = o.Timeout + time.Minute
	}
	if len(o.Fields) == 0 {
		o.Fields = []Field{{Name: "value"}}
	}
	for _, check := range []func() error{o.checkForm, o.checkFields, o.checkCan} {
		if err := check(); err != nil {
			return o, err
		}
	}
	return o, nil
}

func (o Options) checkForm() error {
	for name := range o.Secrets {
		if !secretName.MatchString(name) {
			return bad("secrets: name %.30q", name).WithHint("name each secret in a-z, 0-9 and -: secrets: {admin: \"env:ACME_ADMIN_KEY\"}")
		}
	}
	switch strategies := []rotation.Strategy{rotation.Overlap, rotation.Alternate, rotation.InPlace}; {
	case !slices.Contains(strategies, rotation.Strategy(o.Strategy)):
		return bad("strategy: %.30q", o.Strategy).WithHint("choose overlap, alternate or in-place")
	case !slices.Contains([]rotation.Minter{rotation.ByProvider, rotation.ByRotor, rotation.ByPerson}, rotation.Minter(o.Minter)):
		return bad("minter: %.30q", o.Minter).WithHint("choose provider, rotor or person")
	case (o.Strategy == string(rotation.InPlace) || o.Lingers > 0) && o.Outage == "":
		return bad("in-place or lingers, without outage").WithHint("say in words what fails meanwhile: outage: \"requests are refused until …\"")
	case o.Lingers > 0 && o.Strategy != string(rotation.Overlap):
		return bad("lingers is for strategy overlap").WithHint("leave lingers out, or set strategy: overlap")
	case o.Quota < 0 || o.Timeout < 0 || o.Settle < 0 || o.Steady < 0 || o.InFlight < 0 || o.Expires < 0 || o.Lingers < 0:
		return bad("a negative number").WithHint("leave out what does not apply")
	}
	return nil
}

func (o Options) checkFields() error {
	seen, hidden := map[string]bool{}, 0
	for _, f := range o.Fields {
		if !fieldName.MatchString(f.Name) || f.Name == "previous" || seen[f.Name] {
			return bad("field %.30q", f.Name).WithHint("give each field a name of its own, of a-z, 0-9 and _; previous is reserved")
		}
		seen[f.Name] = true
		if !f.Public {
			hidden++
		}
	}
	switch {
	case hidden == 0:
		return bad("no field is secret").WithHint("leave out public: true for the secret itself")
	case o.Minter == string(rotation.ByRotor) && hidden < len(o.Fields) && !slices.Contains(o.Can, "make"):
		return bad("Rotor cannot make up a public field").WithHint("teach the program the method make, or leave the public field out")
	}
	return nil
}

// abilities are the methods that a program may have or not.
var abilities = []string{"make", "find", "list", "reveal", "revoke-value", "identify", "probe", "usage", "preflight", "notes", "instructions", "now"}

func (o Options) checkCan() error {
	can := map[string]bool{}
	for _, word := range o.Can {
		if !slices.Contains(abilities, word) || can[word] {
			return bad("can: %.30q", word).WithHint("each once of: %s", strings.Join(abilities, ", "))
		}
		can[word] = true
	}
	switch minter := rotation.Minter(o.Minter); {
	case can["find"] && can["list"]:
		return bad("can: find and list").WithHint("find is for values that bear a name, list for those that cannot: leave one out")
	case o.Shared && !can["list"]:
		return bad("shared is about list").WithHint("leave shared out: what find finds is known by its label")
	case minter == rotation.ByProvider && !can["find"] && !can["list"] && !can["reveal"] && o.Expires == 0:
		return bad("minter provider needs find, list or reveal").
			WithHint("after a lost answer the value must be found again: teach the program find, and write can: [find] (or list, where values bear no name); or say when values end by themselves: expires")
	case minter == rotation.ByProvider && o.Lingers > 0 && !can["reveal"]:
		return bad("lingers, with minter provider, needs reveal").
			WithHint("after a lost answer the timer of the old value runs, and what was made cannot be ended: teach the program reveal, which reads it again, and write can: [reveal]")
	case minter == rotation.ByRotor && o.Strategy != string(rotation.InPlace) && !can["identify"] && !can["revoke-value"]:
		return bad("minter rotor needs identify or revoke-value").
			WithHint("after a lost answer nobody knows the handle of the value: teach the program identify, and write can: [identify]")
	case minter == rotation.ByPerson && !can["instructions"]:
		return bad("minter person needs instructions").WithHint("teach the program to say what a person must do, and write can: [instructions]")
	case minter != rotation.ByRotor && can["make"]:
		return bad("can: make is for minter rotor").WithHint("leave make out, or set minter: rotor")
	}
	return nil
}

// name is what messages call the provider: rotor-provider-acme.py is "acme".
func (o Options) name() string {
	base := strings.TrimPrefix(filepath.Base(o.Program[0]), "rotor-provider-")
	base = strings.TrimSuffix(base, filepath.Ext(base))
	if !typeName.MatchString(base) {
		return name
	}
	return base
}

func (o Options) traits() provider.Traits {
	t := provider.Traits{Name: o.name(), Strategy: rotation.Strategy(o.Strategy), Minter: rotation.Minter(o.Minter),
		Settle: o.Settle, Steady: o.Steady, InFlight: o.InFlight, Quota: o.Quota, Expires: o.Expires, Lingers: o.Lingers, Shared: o.Shared, Outage: o.Outage}
	for _, f := range o.Fields {
		t.Fields = append(t.Fields, provider.Field{Name: f.Name, Secret: !f.Public})
	}
	return t
}
