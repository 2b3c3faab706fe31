package github

import (
	"strings"

	"github.com/agenticverz/rotor/doubles"
)

// userJSON is a person, with everything that the vendor's document demands.
func userJSON(login string) doubles.Object {
	o := doubles.Object{"login": login, "id": 1, "node_id": "MDQ6", "gravatar_id": "", "type": "User", "site_admin": false,
		"name": nil, "company": nil, "blog": "", "location": nil, "email": nil, "hireable": nil, "bio": nil,
		"created_at": "2020-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "user_view_type": "private",
		"two_factor_authentication": true}
	for _, n := range []string{"public_repos", "public_gists", "followers", "following", "private_gists", "total_private_repos",
		"owned_private_repos", "disk_usage", "collaborators"} {
		o[n] = 1
	}
	for _, n := range []string{"followers", "following", "gists", "starred", "subscriptions", "organizations", "repos", "events", "received_events"} {
		o[n+"_url"] = "https://api.github.com/users/" + login + "/" + n
	}
	o["url"], o["html_url"], o["avatar_url"] = "https://api.github.com/users/"+login, "https://github.com/"+login, "https://avatars.example/u/1"
	return o
}

func repositoriesJSON(all []*repository) []doubles.Object {
	out := []doubles.Object{}
	for _, r := range all {
		out = append(out, repositoryJSON(r))
	}
	return out
}

// repositoryJSON likewise; most of it is addresses.
func repositoryJSON(r *repository) doubles.Object {
	owner, name, _ := strings.Cut(r.name, "/")
	u := userJSON(owner)
	delete(u, "user_view_type")
	o := doubles.Object{"id": r.id, "node_id": "R_1", "name": name, "full_name": r.name, "owner": u, "private": true, "fork": false,
		"description": nil, "homepage": nil, "language": nil, "mirror_url": nil, "license": nil, "default_branch": "main", "size": 1,
		"has_issues": true, "has_projects": false, "has_wiki": false, "has_pages": false, "has_downloads": true, "has_discussions": false,
		"archived": false, "disabled": false, "visibility": "private", "url": "https://api.github.com/repos/" + r.name,
		"html_url": "https://github.com/" + r.name, "git_url": "git://github.com/" + r.name + ".git",
		"ssh_url": "git@github.com:" + r.name + ".git", "clone_url": "https://github.com/" + r.name + ".git", "svn_url": "https://github.com/" + r.name,
		"pushed_at": "2026-01-01T00:00:00Z", "created_at": "2020-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
	for _, n := range []string{"forks", "forks_count", "open_issues", "open_issues_count", "stargazers_count", "watchers", "watchers_count"} {
		o[n] = 0
	}
	for _, n := range strings.Fields("archive assignees blobs branches collaborators comments commits compare contents contributors deployments " +
		"downloads events forks git_commits git_refs git_tags hooks issue_comment issue_events issues keys labels languages merges milestones " +
		"notifications pulls releases stargazers statuses subscribers subscription tags teams trees") {
		o[n+"_url"] = "https://api.github.com/repos/" + r.name + "/" + n
	}
	return o
}
