package upstash

import "github.com/agenticverz/rotor/internal/apiclient"

func init() { limits = apiclient.Limits{} }
