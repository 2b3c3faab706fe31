package manual

import (
	"net/url"
	"regexp"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/rotation"
)

// Options of `provider: {type: manual}`.
type Options struct {
	// Fields of the value; default one secret field named value. pattern and
	// min-length then stand in each field.
	Fields []Field `yaml:"fields,omitempty" json:"fields,omitempty"`
	// Pattern is a regular expression (RE2) that the whole value must match.
	// Only without fields.
	Pattern string `yaml:"pattern,omitempty" json:"pattern,omitempty"`
	// MinLength of the value in bytes; default 8. Only without fields.
	MinLength int `yaml:"min-length,omitempty" json:"min-length,omitempty"`
	// ID names the public field that is the vendor's own id of the value: it says
	// which of two values is to be revoked.
	ID string `yaml:"id,omitempty" json:"id,omitempty"`
	// URL of the page where values are made and revoked.
	URL string `yaml:"url,omitempty" json:"url,omitempty"`
	// Instructions for making a new value, shown to the person.
	Instructions string `yaml:"instructions,omitempty" json:"instructions,omitempty"`
	// RevokeInstructions for revoking an old value, shown to the person.
	RevokeInstructions string `yaml:"revoke-instructions,omitempty" json:"revoke-instructions,omitempty"`
	// Strategy: overlap (default; two values live side by side) or in-place.
	Strategy string `yaml:"strategy,omitempty" json:"strategy,omitempty" jsonschema:"enum=overlap,enum=in-place"`
	// ExpiresDays is after how many days the vendor lets a value expire; default never.
	ExpiresDays int `yaml:"expires-days,omitempty" json:"expires-days,omitempty"`
}

// Field is one field of a value.
type Field struct {
	// Name, as templates use it: {{.name}}. Letters, digits and underscores.
	Name string `yaml:"name" json:"name"`
	// Public: the field is no secret (a key id, a user name) and may be shown.
	Public bool `yaml:"public,omitempty" json:"public,omitempty"`
	// Pattern is a regular expression (RE2) that the whole field must match.
	Pattern string `yaml:"pattern,omitempty" json:"pattern,omitempty"`
	// MinLength in bytes; default 8 for a secret field, 1 for a public one.
	MinLength int `yaml:"min-length,omitempty" json:"min-length,omitempty"`
}

const defaultMinLength = 8 // what is shorter was cut off while copying

var fieldName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func bad(op string, args ...any) *fault.Error {
	return fault.New(fault.BadConfig, "manual: "+op, args...)
}

// validated fills in the defaults and compiles the patterns.
func (o Options) validated() (Options, map[string]*regexp.Regexp, error) {
	if o.Strategy == "" {
		o.Strategy = string(rotation.Overlap)
	}
	if o.Strategy != string(rotation.Overlap) && o.Strategy != string(rotation.InPlace) {
		return o, nil, bad("strategy: %q", o.Strategy).WithHint("choose overlap or in-place")
	}
	if o.ExpiresDays < 0 {
		return o, nil, bad("expires-days: %d", o.ExpiresDays).WithHint("leave it out if values do not expire")
	}
	if u, err := url.Parse(o.URL); err != nil || o.URL != "" && u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return o, nil, bad("url: not the address of a page").WithHint("write https://… without user and password")
	}
	if len(o.Fields) == 0 {
		o.Fields = []Field{{Name: "value", Pattern: o.Pattern, MinLength: o.MinLength}}
	} else if o.Pattern != "" || o.MinLength != 0 {
		return o, nil, bad("pattern and min-length stand beside fields").WithHint("move them into the field they are meant for")
	}
	patterns, err := o.checkFields()
	return o, patterns, err
}

// checkFields also fills in min-length; o.Fields is replaced, not changed.
func (o *Options) checkFields() (map[string]*regexp.Regexp, error) {
	patterns, seen := map[string]*regexp.Regexp{}, map[string]Field{}
	fields, secrets := make([]Field, len(o.Fields)), 0
	for i, f := range o.Fields {
		if _, twice := seen[f.Name]; twice || !fieldName.MatchString(f.Name) || f.Name == "previous" {
			return nil, bad("field %q", f.Name).WithHint("give each field a name of its own, of a-z, 0-9 and _; previous is reserved")
		}
		if f.MinLength < 0 {
			return nil, bad("field %s: min-length: %d", f.Name, f.MinLength).WithHint("leave it out or give a positive number")
		}
		if f.MinLength == 0 && !f.Public {
			f.MinLength = defaultMinLength
		}
		if !f.Public {
			secrets++
		}
		re, err := whole(f.Pattern)
		if err != nil {
			return nil, bad("field %s: pattern: not a regular expression", f.Name).WithHint("the syntax is RE2: https://github.com/google/re2/wiki/Syntax")
		}
		if re != nil {
			patterns[f.Name] = re
		}
		seen[f.Name], fields[i] = f, f
	}
	if secrets == 0 {
		return nil, bad("no field is secret").WithHint("leave out public: true for the secret itself")
	}
	if f, ok := seen[o.ID]; o.ID != "" && (!ok || !f.Public) {
		return nil, bad("id: %q is not a public field", o.ID).WithHint("name the field that holds the vendor's id, and mark it public: true")
	}
	o.Fields = fields
	return patterns, nil
}

// whole compiles a pattern that must match from end to end. The pattern is
// compiled alone first: "a)|(b" must not become valid by our brackets.
func whole(pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		return nil, nil
	}
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, err
	}
	return regexp.Compile(`\A(?:` + pattern + `)\z`)
}
