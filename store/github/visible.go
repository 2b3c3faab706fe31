package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
)

// visible refuses to write an organisation's secret that others see than rotor.yaml
// says: a write would show it to somebody new, or take it from somebody.
func (s *Store) visible(ctx context.Context, p place, name, step string) error {
	if !p.org {
		return nil
	}
	have, there, err := s.look(ctx, p, name, step)
	if err != nil || !there {
		return err
	}
	if have.Visibility != s.opts.Visibility {
		return bad("secret %s is visible to %s repositories, and rotor.yaml says %s", name, have.Visibility, s.opts.Visibility).
			WithHint("decide who may see it, and change one of the two")
	}
	if have.Visibility != "selected" {
		return nil
	}
	see, err := s.repositories(ctx, p, name, step)
	if err != nil {
		return err
	}
	want := slices.Compact(slices.Sorted(slices.Values(s.opts.Repositories)))
	if !slices.Equal(see, want) {
		return bad("secret %s is visible to other repositories than rotor.yaml says", name).
			WithHint("at GitHub it is %s; rotor.yaml says %s: decide who may see it, and change one of the two", ids(see), ids(want))
	}
	return nil
}

// ids names repositories by their numbers; more than anybody reads are counted.
func ids(all []int64) string {
	const shown = 100
	var out []string
	for _, id := range all[:min(len(all), shown)] {
		out = append(out, strconv.FormatInt(id, 10))
	}
	switch {
	case len(all) == 0:
		return "none"
	case len(all) > shown:
		return fmt.Sprintf("%s … (%d)", strings.Join(out, ", "), len(all))
	}
	return strings.Join(out, ", ")
}

// repositories are those that see a secret with visibility selected, sorted; all pages.
func (s *Store) repositories(ctx context.Context, p place, name, step string) ([]int64, error) {
	const size = 100
	count := 0
	see, err := apiclient.Pages(ctx, "github: "+step, func(id int64) string { return strconv.FormatInt(id, 10) },
		func(ctx context.Context, next string) (apiclient.Page[int64], error) {
			number, err := strconv.Atoi("0" + next)
			if err != nil {
				return apiclient.Page[int64]{}, err
			}
			page, total, err := s.page(ctx, p, name, step, max(number, 1), size)
			out := apiclient.Page[int64]{Items: page}
			if count = total; len(page) == size {
				out.Next = strconv.Itoa(max(number, 1) + 1)
			}
			return out, err
		})
	if err == nil && len(see) != count {
		err = fault.New(fault.Unknown, "github: %s: %d repositories see secret %s, and %d are listed", step, count, name, len(see)).
			WithHint("may the token see all of them?")
	}
	slices.Sort(see)
	return see, err
}

func (s *Store) page(ctx context.Context, p place, name, step string, number, size int) (page []int64, total int, err error) {
	var got struct {
		Count        *int `json:"total_count"`
		Repositories []struct {
			ID int64 `json:"id"`
		} `json:"repositories"`
	}
	err = s.do(ctx, apiclient.Call{Step: step, Path: p.at(name) + "/repositories", Out: &got,
		Query: url.Values{"per_page": {strconv.Itoa(size)}, "page": {strconv.Itoa(number)}},
		Kinds: map[int]fault.Kind{http.StatusConflict: fault.Transient}}) // changed since it was looked at
	if err == nil && got.Count == nil {
		err = fault.New(fault.Unknown, "github: %s: the answer is no list of repositories", step)
	}
	if err != nil {
		return nil, 0, err
	}
	for _, r := range got.Repositories {
		page = append(page, r.ID)
	}
	return page, *got.Count, nil
}

// PreflightKey implements store.KeyPreflighter: those see the secret who rotor.yaml says.
// Its name is Put's affair: here a stand-in may be a part of it.
func (s *Store) PreflightKey(ctx context.Context, path, key string) error {
	p, err := s.place(path)
	if err != nil {
		return err
	}
	return s.visible(ctx, p, key, "preflight")
}
