package provider

import (
	"net/url"
	"strings"
)

// Place is where a base URL leads, however it is written: the host in small letters, with
// its port if that is not https's own, and the path without a slash at its end. What is no
// URL is its own place. Handles whose ids are small numbers name it.
func Place(baseURL string) (host, path string) {
	u, err := url.Parse(baseURL)
	if err != nil || u.Host == "" {
		return baseURL, ""
	}
	host = strings.ToLower(u.Host)
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	}
	return host, strings.TrimRight(u.Path, "/")
}

// BaseAt is a base-url's place as Type.Accounts has it; usual is the default.
func BaseAt(base, usual string) string {
	if base == "" {
		base = usual
	}
	host, path := Place(base)
	return host + path
}

// AccountsAt is Type.Accounts for names at one place, without those that are empty.
func AccountsAt(place string, names ...string) []string {
	var out []string
	for _, name := range names {
		if name != "" {
			out = append(out, place+" "+name)
		}
	}
	return out
}
