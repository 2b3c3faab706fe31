package neon

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/secret"
)

// Branch is another branch of the project on which the role exists.
type Branch struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Parent    string    `json:"parent_id"`
	Default   bool      `json:"default"`
	Protected bool      `json:"protected"`
	Created   time.Time `json:"created_at"`
	Updated   time.Time `json:"updated_at"`
	LastUsed  time.Time `json:"-"` // of its computes; as far as Neon tells
	Below     bool      `json:"-"` // made from ours, directly or not
	depth     int
	parents   bool // others were made from it
}

// Keepers lists the other branches on which the role's present password works too,
// those unused for longest first. Nothing is changed.
func (p *Provider) Keepers(ctx context.Context) ([]Branch, error) {
	word, err := p.present(ctx)
	if err != nil {
		return nil, err
	}
	return p.keepers(ctx, "branches", word)
}

// present is our branch's password; zero where the project stores none.
func (p *Provider) present(ctx context.Context) (secret.Value, error) {
	word, err := p.reveal(ctx, "branches", p.opts.Branch)
	if apiclient.StatusOf(err) == http.StatusPreconditionFailed && p.opts.Unstored {
		return secret.Value{}, nil
	}
	return word, err
}

// Notes says before a rotation what a person should know: the branches that have the
// present password, how old they are and when they were last used.
func (p *Provider) Notes(ctx context.Context, _ provider.Request) ([]string, error) {
	keepers, err := p.Keepers(ctx)
	if err != nil || len(keepers) == 0 {
		return nil, err
	}
	what := map[string]string{
		listChildren:   "the old password goes on working there",
		ignoreChildren: "the old password goes on working there, and nothing is said about it",
		rotateChildren: "those below ours get passwords of their own, the others keep it",
		deleteChildren: "those below ours are deleted if unused for " + p.opts.StaleAfter + ", else get passwords of their own; the others keep it",
	}[p.opts.ChildBranches]
	return []string{fmt.Sprintf("%d other branches have this password; %s: %s", len(keepers), what, describe(keepers))}, nil
}

// describe names branches, ten at most.
func describe(list []Branch) string {
	var out []string
	for _, b := range list[:min(len(list), 10)] {
		words := fmt.Sprintf("%s (%s, made %s ago", b.Name, b.ID, ago(b.Created))
		if !b.LastUsed.IsZero() {
			words += ", last used " + ago(b.LastUsed) + " ago"
		}
		if b.Protected {
			words += ", protected"
		}
		if !b.Below {
			words += ", not below ours"
		}
		out = append(out, words+")")
	}
	if more := len(list) - len(out); more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, ", ")
}

func ago(t time.Time) string {
	d := time.Since(t)
	if d < 48*time.Hour {
		return d.Round(time.Minute).String()
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// keepers compares the role's password on each branch with word. Where passwords
// cannot be read, every branch below ours may have it.
func (p *Provider) keepers(ctx context.Context, step string, word secret.Value) ([]Branch, error) {
	all, err := p.branches(ctx, step)
	if err != nil {
		return nil, err
	}
	var out []Branch
	for _, b := range all {
		if b.ID == p.opts.Branch {
			continue
		}
		theirs, err := p.reveal(ctx, step, b.ID)
		switch status := apiclient.StatusOf(err); {
		case status == http.StatusNotFound: // no such role there, or the branch is just gone
		case status == http.StatusPreconditionFailed:
			if b.Below {
				out = append(out, b)
			}
		case err != nil:
			return nil, err
		case theirs.Equal(word):
			out = append(out, b)
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	p.date(ctx, step, out)
	slices.SortFunc(out, func(a, b Branch) int { return a.LastUsed.Compare(b.LastUsed) })
	return out, nil
}

// branches lists all of the project, all pages, and marks those below ours.
func (p *Provider) branches(ctx context.Context, step string) ([]Branch, error) {
	all, err := apiclient.Pages(ctx, "neon: "+step, func(b Branch) string { return b.ID },
		func(ctx context.Context, next string) (apiclient.Page[Branch], error) {
			var got struct {
				Branches   []Branch `json:"branches"`
				Pagination struct {
					Next string `json:"next"`
				} `json:"pagination"`
			}
			query := map[string][]string{"limit": {"100"}}
			if next != "" {
				query["cursor"] = []string{next}
			}
			err := p.api.Do(ctx, apiclient.Call{Step: step, Path: apiclient.Path("/projects/%s/branches", p.opts.Project), Query: query, Out: &got})
			return apiclient.Page[Branch]{Items: got.Branches, Next: got.Pagination.Next}, err
		})
	if err != nil {
		return nil, err
	}
	byID := map[string]*Branch{}
	for i := range all {
		byID[all[i].ID] = &all[i]
	}
	for i := range all {
		b := &all[i]
		for up := b; up != nil && b.depth <= len(all); up = byID[up.Parent] { // a ring would have no end
			b.depth++
			b.Below = b.Below || up.Parent == p.opts.Branch
		}
		if up := byID[b.Parent]; up != nil {
			up.parents = true
		}
	}
	return all, nil
}

// date looks up when computes were last active. Without that answer a branch's own
// last change has to do.
func (p *Provider) date(ctx context.Context, step string, list []Branch) {
	var got struct {
		Endpoints []struct {
			Branch string    `json:"branch_id"`
			Active time.Time `json:"last_active"`
		} `json:"endpoints"`
	}
	_ = p.api.Do(ctx, apiclient.Call{Step: step, Path: apiclient.Path("/projects/%s/endpoints", p.opts.Project), Out: &got})
	for i := range list {
		b := &list[i]
		for _, e := range got.Endpoints {
			if e.Branch == b.ID && e.Active.After(b.LastUsed) {
				b.LastUsed = e.Active
			}
		}
		if b.LastUsed.IsZero() {
			b.LastUsed = b.Updated
		}
	}
}

// childrenWithin bounds one try to deal with child branches. The next try goes on
// where this one stopped, because a branch that was dealt with keeps nothing.
const childrenWithin = 2 * time.Minute

// childBranches takes the present password away from branches below ours, deepest
// first. Whatever happens here, our own role was not touched: no outcome is unknown.
func (p *Provider) childBranches(ctx context.Context) error {
	if p.opts.ChildBranches != rotateChildren && p.opts.ChildBranches != deleteChildren {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, childrenWithin)
	defer cancel()
	word, err := p.present(within)
	if err != nil {
		return untouched(err)
	}
	keepers, err := p.keepers(within, "child branches", word)
	if err != nil {
		return untouched(err)
	}
	slices.SortFunc(keepers, func(a, b Branch) int { return cmp.Compare(b.depth, a.depth) })
	for _, b := range keepers {
		if !b.Below || b.Protected || b.Default {
			continue // a person's business; Probe says so
		}
		if err := p.childBranch(within, b); err != nil {
			return untouched(err)
		}
	}
	return nil
}

// untouched: an outcome that is unknown on a child is no effect on our own role.
func untouched(err error) error {
	if fault.KindOf(err) == fault.Unknown {
		return fault.Wrap(fault.Transient, "neon: child branches", err)
	}
	return err
}

func (p *Provider) childBranch(ctx context.Context, b Branch) error {
	if p.opts.ChildBranches == deleteChildren && !b.parents && time.Since(b.LastUsed) >= p.opts.staleAfter() {
		return p.remove(ctx, b)
	}
	got, err := p.reset(ctx, "child branch "+b.ID, b.ID)
	if err != nil {
		return err
	}
	return p.watch(ctx, "child branch "+b.ID, got.Operations)
}

// remove deletes a branch and runs the hook. If Rotor dies between the two, the hook
// is not run: nothing tells later that the branch was ever there.
func (p *Provider) remove(ctx context.Context, b Branch) error {
	var got struct {
		Operations []operation `json:"operations"`
	}
	step := "delete branch " + b.ID
	err := p.api.Do(ctx, apiclient.Call{Step: step, Method: http.MethodDelete, Path: apiclient.Path("/projects/%s/branches/%s", p.opts.Project, b.ID), Out: &got})
	if err != nil {
		return busy(err)
	}
	if err := p.watch(ctx, step, got.Operations); err != nil || p.hook == nil {
		return err
	}
	res, err := p.hook.Run(ctx, secret.Set{"ROTOR_NEON_PROJECT": secret.Public(p.opts.Project),
		"ROTOR_NEON_BRANCH": secret.Public(b.ID), "ROTOR_NEON_BRANCH_NAME": secret.Public(b.Name)})
	if err == nil && res.Code != 0 {
		err = fault.New(fault.NeedsPerson, "exit status %d", res.Code)
	}
	if err != nil {
		return &fault.Error{Kind: fault.NeedsPerson, Op: "neon: after-delete: " + p.hook.Name(), Err: err,
			Hint: "branch " + b.Name + " was deleted; run the program for it by hand, then resume"}
	}
	return nil
}
