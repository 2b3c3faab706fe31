package apiclient

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"github.com/agenticverz/rotor/fault"
)

// Page is one page of a list. Next is what leads to the one after it ("" at the
// end): a cursor, a number, the last id.
type Page[T any] struct {
	Items []T
	Next  string
}

// maxPages: a list that is longer is no list of credentials.
const maxPages = 1000

// Pages reads a list to its end. id names an item; items that appear twice, because
// the list changed while it was read, count once. A page that repeats, or a list
// without an end, is fault.Unknown: what is missing on it may exist.
func Pages[T any](ctx context.Context, op string, id func(T) string, fetch func(ctx context.Context, next string) (Page[T], error)) ([]T, error) {
	var out []T
	seen, asked := map[string]bool{}, map[string]bool{"": true}
	next := ""
	for range maxPages {
		page, err := fetch(ctx, next)
		if err != nil {
			return nil, err
		}
		fresh := 0
		for _, item := range page.Items {
			if key := id(item); !seen[key] {
				seen[key] = true
				out = append(out, item)
				fresh++
			}
		}
		switch {
		case page.Next == "":
			return out, nil
		case asked[page.Next], len(page.Items) > 0 && fresh == 0:
			return nil, fault.New(fault.Unknown, "%s: the list repeats a page", op).WithHint("the vendor's list cannot be trusted now; try again later")
		}
		next = page.Next
		asked[next] = true
	}
	return nil, fault.New(fault.Unknown, "%s: the list does not end after %d pages", op, maxPages)
}

// Pace of a poll.
type Pace struct {
	Every  time.Duration
	AtMost time.Duration // altogether
}

// Poll asks for the state of something that the vendor does by itself, at a pace,
// until ask says that it is over. It is no retry: every answer is a good one, and
// the first that is not ends it. done is false when the time was over first.
func Poll(ctx context.Context, p Pace, ask func(context.Context) (over bool, err error)) (done bool, err error) {
	within, cancel := context.WithTimeout(ctx, p.AtMost)
	defer cancel()
	pace := rate.NewLimiter(rate.Every(p.Every), 1)
	for {
		if pace.Wait(within) != nil {
			return false, nil
		}
		if over, err := ask(ctx); err != nil || over {
			return over, err
		}
	}
}
