package github

import (
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
	return doubles.Door{Name: "github", API: d,
		Env: []doubles.Variable{{Name: "GITHUB_APP_KEY", Value: d.PrivateKey}, {Name: "GITHUB_ADMIN_TOKEN", Value: d.Admin},
			{Name: "GITHUB_NEW_TOKEN", Value: d.Token("ghp", d.Login, "repo", See, 0)}},
		Tries: []doubles.Try{
			{Name: "github-token", Provider: "{type: github, kind: pat, base-url: {base}, login: " + d.Login + "}",
				Present: []doubles.Variable{{Name: "GITHUB_TOKEN", Value: d.Token("ghp", d.Login, "repo", See, 0)}}},
			{Name: "github-app", Provider: fmt.Sprintf("{type: github, kind: installation-token, base-url: {base}, app-id: '%d', installation-id: %d, private-key: env:GITHUB_APP_KEY}", d.AppID, d.Installation),
				Present: []doubles.Variable{{Name: "GITHUB_APP_TOKEN"}}},
			{Name: "deploy-key", Provider: fmt.Sprintf("{type: github, kind: deploy-key, base-url: {base}, repository: %s, token: env:GITHUB_ADMIN_TOKEN, ssh-address: '%s'}", d.Repository, address),
				Present: []doubles.Variable{{Name: "DEPLOY_KEY", Field: "private_key"}}},
		},
		Words: []string{"github-token: the token that a person has made in the settings: rotor set github-token --from-env GITHUB_NEW_TOKEN"}}, nil
}
