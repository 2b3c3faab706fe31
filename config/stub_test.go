package config

import (
	"maps"
	"slices"
	"time"
)

// Options as the rooms' implementations have them, cut down to what the tests
// need.
type (
	vaultOptions struct {
		Mount   string        `yaml:"mount" json:"mount"`
		Address string        `yaml:"address,omitempty" json:"address,omitempty"`
		Token   string        `yaml:"token,omitempty" json:"token,omitempty"`
		Timeout time.Duration `yaml:"timeout,omitempty" json:"timeout,omitempty"`
	}
	fileOptions struct {
		Path string `yaml:"path" json:"path"`
	}
	composeOptions struct {
		File        string   `yaml:"file,omitempty" json:"file,omitempty"`
		Services    []string `yaml:"services" json:"services"`
		Environment []string `yaml:"environment,omitempty" json:"environment,omitempty"`
	}
	bouncerOptions struct {
		Admin string `yaml:"admin" json:"admin"`
	}
	execOptions struct {
		Command []string `yaml:"command" json:"command"`
	}
	httpOptions struct {
		URL     string            `yaml:"url" json:"url"`
		Bearer  string            `yaml:"bearer,omitempty" json:"bearer,omitempty"`
		Status  []int             `yaml:"status,omitempty" json:"status,omitempty"`
		Headers map[string]string `yaml:"headers,omitempty" json:"headers,omitempty"`
	}
	baselineOptions struct {
		MaxOverBaseline float64 `yaml:"max-over-baseline,omitempty" json:"max-over-baseline,omitempty"`
	}
	logsOptions struct {
		baselineOptions `yaml:",inline"`
		Consumer        string `yaml:"consumer" json:"consumer"`
		Match           string `yaml:"match" json:"match"`
	}
	prometheusOptions struct {
		baselineOptions `yaml:",inline"`
		URL             string `yaml:"url" json:"url"`
		Query           string `yaml:"query" json:"query"`
	}
	generatedOptions struct {
		Bytes    int    `yaml:"bytes,omitempty" json:"bytes,omitempty"`
		Encoding string `yaml:"encoding,omitempty" json:"encoding,omitempty" jsonschema:"enum=hex,enum=base64,enum=alnum"`
	}
	postgresOptions struct {
		Admin     string   `yaml:"admin" json:"admin"`
		Database  string   `yaml:"database" json:"database"`
		OwnerRole string   `yaml:"owner-role,omitempty" json:"owner-role,omitempty"`
		Roles     []string `yaml:"roles,omitempty" json:"roles,omitempty"`
	}
	stateOptions struct {
		Postgres string `yaml:"postgres,omitempty" json:"postgres,omitempty"`
		Workers  uint8  `yaml:"workers,omitempty" json:"workers,omitempty"`
	}
)

func stubKinds() Kinds {
	return Kinds{
		Stores: map[string]Kind{
			"vaultkv": {New: func() any { return &vaultOptions{} }, NeedsPath: true,
				Refs: func(o any) map[string]string { return map[string]string{"token": o.(*vaultOptions).Token} }},
			"dotenv":   {New: func() any { return &fileOptions{} }, Paths: func(o any) []*string { return []*string{&o.(*fileOptions).Path} }},
			"userlist": {New: func() any { return &fileOptions{} }},
			"file":     {New: func() any { return &fileOptions{} }, NoKey: true},
		},
		Consumers: map[string]Kind{
			"compose": {New: func() any { return &composeOptions{} }},
			"pgbouncer": {New: func() any { return &bouncerOptions{} },
				Refs: func(o any) map[string]string { return map[string]string{"admin": o.(*bouncerOptions).Admin} }},
			"exec": {New: func() any { return &execOptions{} },
				Commands: func(o any) map[string][]string { return map[string][]string{"command": o.(*execOptions).Command} }},
		},
		Checks: map[string]Kind{
			"http": {New: func() any { return &httpOptions{} },
				Refs: func(o any) map[string]string { return map[string]string{"bearer": o.(*httpOptions).Bearer} }},
			"logs":       {New: func() any { return &logsOptions{} }},
			"prometheus": {New: func() any { return &prometheusOptions{} }},
		},
		Providers: map[string]Kind{
			"generated": {New: func() any { return &generatedOptions{} }},
			"manual":    {New: func() any { return &struct{}{} }},
			"postgres": {New: func() any { return &postgresOptions{} },
				Refs:     func(o any) map[string]string { return map[string]string{"admin": o.(*postgresOptions).Admin} },
				Accounts: func(o any) []string { return o.(*postgresOptions).Roles }},
		},
		Sections: map[string]Kind{
			"state": {New: func() any { return &stateOptions{} },
				Refs: func(o any) map[string]string { return map[string]string{"postgres": o.(*stateOptions).Postgres} }},
		},
		Fields: func(provider string, _ any) []string {
			return map[string][]string{"postgres": {"username", "password"}, "generated": {"value"}}[provider]
		},
		Texts: func(provider string, o any, field string) []string {
			if p, ok := o.(*postgresOptions); ok && field == "username" {
				return p.Roles
			}
			return nil
		},
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
