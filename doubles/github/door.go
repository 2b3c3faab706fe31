package github

import (
	"encoding/base64"
	"fmt"

	"github.com/agenticverz/rotor/doubles"
)

// Door is an account for trying: a token that a person made and one to take its place,
// an App with its installation, and a repository with its ssh server.
func Door() (doubles.Door, error) {
	d, err := New(Options{})
	if err != nil {
		return doubles.Door{}, err
	}
	address, err := d.Listen("127.0.0.1:0")
	if err != nil {
		return doubles.Door{}, err
	}
	return doubles.Door{Name: "github", API: d, Words: []string{
		"provider: {type: github, kind: pat, base-url: {base}, login: " + d.Login + "}",
		"present token: " + d.Token("ghp", d.Login, "repo", See, 0),
		"a new token, made in the settings: " + d.Token("ghp", d.Login, "repo", See, 0),
		"export GITHUB_APP_KEY=\"$(echo " + base64.StdEncoding.EncodeToString([]byte(d.PrivateKey)) + " | base64 -d)\"",
		fmt.Sprintf("provider: {type: github, kind: installation-token, base-url: {base}, app-id: '%d', installation-id: %d, private-key: env:GITHUB_APP_KEY}", d.AppID, d.Installation),
		"export GITHUB_TOKEN=" + d.Admin,
		fmt.Sprintf("provider: {type: github, kind: deploy-key, base-url: {base}, repository: %s, token: env:GITHUB_TOKEN, ssh-address: '%s'}", d.Repository, address),
	}}, nil
}
