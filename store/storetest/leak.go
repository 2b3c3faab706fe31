package storetest

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// marker is a value whose URL, JSON and plain forms differ; the exam looks for
// its middle, so that a cut one is found too.
func marker(tag string) string { return "mark+" + tag + "/\"é\"&7f3a9c51d2e8" + tag + "=end" }

// NoLeak returns an error if one of the values appears in err's text, hints or
// any error it wraps: raw, URL, JSON, base64 in three alignments, base64url, hex.
func NoLeak(err error, values ...string) error {
	text := spell(err)
	for _, v := range values {
		for form, needle := range encodings(v) {
			if len(needle) >= 6 && strings.Contains(text, needle) {
				return fmt.Errorf("an error shows a value (%s)", form)
			}
		}
	}
	return nil
}

// spell writes out everything that can be printed of an error.
func spell(err error) string {
	var b strings.Builder
	for err != nil {
		_, _ = fmt.Fprintf(&b, "%v\n%+v\n%#v\n%s\n", err, err, err, fault.HintOf(err))
		if j, jerr := json.Marshal(err); jerr == nil {
			b.Write(j)
		}
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range many.Unwrap() {
				b.WriteString(spell(e))
			}
			break
		}
		err = errors.Unwrap(err)
	}
	return b.String()
}

func encodings(v string) map[string]string {
	quoted, _ := json.Marshal(v)
	forms := map[string]string{
		"raw":       v,
		"URL query": url.QueryEscape(v),
		"URL path":  url.PathEscape(v),
		"JSON":      strings.Trim(string(quoted), `"`),
		"Go":        strings.Trim(fmt.Sprintf("%q", v), `"`),
		"hex":       hex.EncodeToString([]byte(v)),
		"HEX":       strings.ToUpper(hex.EncodeToString([]byte(v))),
	}
	for shift := range 3 {
		// drop what the unknown bytes before and behind have a share in
		padded := strings.Repeat("\x00", shift) + v
		padded = padded[:len(padded)-len(padded)%3]
		skip := []int{0, 4, 4}[shift]
		for name, enc := range map[string]*base64.Encoding{"base64": base64.StdEncoding, "base64url": base64.URLEncoding} {
			if text := enc.EncodeToString([]byte(padded)); len(text) > skip {
				forms[fmt.Sprintf("%s, alignment %d", name, shift)] = text[skip:]
			}
		}
	}
	return forms
}

// leaks makes the store fail in every way the exam knows and reads the errors.
func leaks(ctx context.Context, e *exam) error {
	old, fresh := marker("old"), marker("new")
	var errs []error
	collect := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	present, revision := secret.Set{}, store.Revision("")
	for _, key := range e.Keys {
		present[key] = secret.New(old)
	}
	if e.Store.Traits().Readable {
		_, first, err := e.Store.Get(ctx, e.Path)
		collect(err)
		revision, err = e.put(ctx, store.Edit{Set: present}, first)
		collect(err)
		_, err = e.put(ctx, store.Edit{Set: one(e.Keys[0], fresh)}, first)
		collect(err)
	}
	for _, bad := range []string{fresh + "\x00", fresh + "\xff", fresh + "'`", strings.Repeat(fresh, 1<<16)} {
		_, err := e.put(ctx, store.Edit{Set: one(e.Keys[0], bad)}, revision)
		collect(err)
	}
	for _, key := range []string{"", "bad key\n", "=", "\x00"} {
		_, err := e.put(ctx, store.Edit{Set: one(key, fresh)}, revision)
		collect(err)
	}
	for _, path := range []string{"", "../outside", "a\x00b", "a//b", "\n"} {
		_, err := e.Store.Put(ctx, path, store.Edit{Set: one(e.Keys[0], fresh)}, "nonsense", mark)
		collect(err)
	}
	e.failTogether(ctx, fresh, revision, collect)
	if len(errs) == 0 {
		return errors.New("nothing could be made to fail")
	}
	for _, err := range errs {
		if leak := NoLeak(err, old, fresh); leak != nil {
			return leak
		}
	}
	return nil
}

// failTogether tries everything on a dead context and on a broken store.
func (e *exam) failTogether(ctx context.Context, fresh string, revision store.Revision, collect func(error)) {
	dead, cancel := context.WithCancel(ctx)
	cancel()
	try := func(ctx context.Context) {
		_, _, err := e.Store.Get(ctx, e.Path)
		collect(err)
		_, err = e.put(ctx, store.Edit{Set: one(e.Keys[0], fresh)}, revision)
		collect(err)
		if s, ok := e.Store.(store.Eraser); ok {
			collect(s.Erase(ctx, e.Path, revision))
		}
		if s, ok := e.Store.(store.Preflighter); ok {
			collect(s.Preflight(ctx, e.Path))
		}
	}
	try(dead)
	if e.Break != nil {
		e.Break()
		try(ctx)
	}
}
