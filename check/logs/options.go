package logs

import (
	"path/filepath"
	"regexp"
	"time"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/fault"
)

// Options configure the counting of log lines.
type Options struct {
	// Consumer is the name of a consumer whose log is read. Either this or file.
	Consumer string `yaml:"consumer,omitempty" json:"consumer,omitempty"`
	// File is a log file whose lines begin with their time. If it was rotated
	// within the window, FILE.1 is read too.
	File string `yaml:"file,omitempty" json:"file,omitempty"`
	// Match is a regular expression (RE2); each line that it matches counts.
	Match string `yaml:"match" json:"match"`
	// MaxOverBaseline is how many more such lines than before the change are
	// tolerated.
	MaxOverBaseline float64 `yaml:"max-over-baseline,omitempty" json:"max-over-baseline,omitempty" jsonschema:"minimum=0"`
	// Per is the time that counts of longer windows are converted to; set it to
	// the monitor time.
	Per time.Duration `yaml:"per,omitempty" json:"per,omitempty" jsonschema:"default=5m"`
}

// T counts lines.
type T struct {
	o      Options
	match  *regexp.Regexp
	source check.Logs
}

var _ check.Check = (*T)(nil)

func bad(what, hint string, args ...any) error {
	return fault.New(fault.BadConfig, "log check: "+what, args...).WithHint("%s", hint)
}

// New checks the options. source is the log of Options.Consumer, or nil with
// Options.File, which counts from dir if it is relative.
func New(o Options, dir string, source check.Logs) (*T, error) {
	switch {
	case (o.Consumer == "") == (o.File == ""):
		return nil, bad("give either consumer or file", "consumer: NAME of rotor.yaml, or file: /path/to/log")
	case o.Consumer != "" && source == nil:
		return nil, bad("consumer %s has no log", "use file:, or another consumer", o.Consumer)
	case o.MaxOverBaseline < 0:
		return nil, bad("max-over-baseline is negative", "0 tolerates no line more than before")
	case o.Per < 0:
		return nil, bad("per is negative", "write a duration such as 5m")
	case o.Match == "":
		return nil, bad("match is missing", `write a regular expression: match: '\b(401|403)\b'`)
	}
	match, err := regexp.Compile(o.Match)
	if err != nil {
		return nil, fault.Wrap(fault.BadConfig, "log check: match", err)
	}
	if match.MatchString("") {
		return nil, bad("match matches every line", "remove what makes the whole expression optional")
	}
	if o.Per == 0 {
		o.Per = 5 * time.Minute
	}
	if o.File != "" {
		if !filepath.IsAbs(o.File) {
			o.File = filepath.Join(dir, o.File)
		}
		source = fileSource(o.File)
	}
	return &T{o: o, match: match, source: source}, nil
}

// Type describes this check to the registry.
func Type() check.Type {
	return check.Type{
		Name:       "logs",
		Summary:    "Log lines that match: no more of them than before the change",
		Doc:        doc,
		Evidence:   check.EvidenceServer,
		NewOptions: func() any { return new(Options) },
		New: func(opts any, c check.Context) (check.Check, error) {
			o := opts.(*Options)
			var source check.Logs
			if o.Consumer != "" && o.File == "" {
				var err error
				if source, err = c.Logs(o.Consumer); err != nil {
					return nil, err
				}
			}
			return New(*o, c.Dir, source)
		},
	}
}

const doc = `
Counts the lines of a consumer's log, or of a file, that match. It fails if there are more than
` + "`max-over-baseline`" + ` over the count from before the change; counts of windows longer than ` + "`per`" + ` are
converted to that time. What the lines say is neither kept nor shown.

*Unknown*, never pass: a log that cannot be read to its end, a container that is gone, a file in which no
line begins with a time. Times understood in files: RFC 3339 and its usual variants, the formats of Go's log
package, of PostgreSQL, nginx, Apache and syslog, and JSON lines with time, ts, timestamp or @timestamp.
A time without a zone is local. Of a line the first 64 KiB are looked at.
`
