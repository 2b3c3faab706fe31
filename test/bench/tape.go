package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/agenticverz/rotor/secret"
)

// call is one request, with placeholders for what differs from rotation to rotation.
type call struct {
	method, uri, auth, body string
	mints                   bool
}

// tape is a double that can be recorded.
type tape struct {
	next  http.Handler
	mu    sync.Mutex
	on    bool
	calls []call
	fresh minted
}

func (t *tape) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	on := t.on
	t.mu.Unlock()
	if !on {
		t.next.ServeHTTP(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	t.next.ServeHTTP(answer, r)
	c := call{r.Method, r.URL.RequestURI(), r.Header.Get("Authorization"), string(body), r.Method == http.MethodPost}
	t.mu.Lock()
	t.calls = append(t.calls, c)
	if c.mints {
		t.fresh = mintedFrom(answer.Body.Bytes())
	}
	t.mu.Unlock()
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// mintedFrom reads the answer to a request that makes a key.
func mintedFrom(body []byte) minted {
	var got struct {
		ID    json.RawMessage
		Value string
		Key   string
		Token string
	}
	_ = json.Unmarshal(body, &got) // an empty id fails the next request
	return minted{strings.Trim(string(got.ID), `"`), got.Value + got.Key}
}

// record takes the requests of a rotation in its steady state: the third.
func (v *vendor) record(ctx context.Context, b *bench) error {
	account, _ := v.account("recorded")
	p, err := v.open(account)
	if err != nil {
		return err
	}
	name := "recorded-" + v.name
	if err := b.add(name, p, p.Traits().Fields[0].Name); err != nil {
		return err
	}
	for range 2 {
		if err := b.rotate(ctx, name); err != nil {
			return err
		}
	}
	old, err := v.present(ctx, b, name)
	if err != nil {
		return err
	}
	v.tape.on = true
	err = b.rotate(ctx, name)
	v.tape.on = false
	if err != nil {
		return err
	}
	known, err := b.journal.Credential(ctx, name)
	current, _ := known.Current()
	words := strings.NewReplacer(current.Label, "{label}", v.tape.fresh.value, "{new-value}", old.value, "{old-value}", v.admin, "{admin}")
	paths := strings.NewReplacer("/"+v.tape.fresh.id, "/{new}", "/"+old.id, "/{old}", "/"+account, "/{account}")
	for _, c := range v.tape.calls {
		v.script = append(v.script, call{c.method, paths.Replace(c.uri), words.Replace(c.auth), words.Replace(c.body), c.mints})
	}
	if len(v.script) == 0 && err == nil {
		err = errNothing
	}
	return err
}

// present is the current key of a credential.
func (v *vendor) present(ctx context.Context, b *bench, name string) (minted, error) {
	known, err := b.journal.Credential(ctx, name)
	if err != nil {
		return minted{}, err
	}
	g, _ := known.Current()
	target := b.creds[name].Targets[0]
	content, _, err := target.Store.Get(ctx, target.Path)
	_, id, ok := strings.Cut(g.Handle.ID, "/")
	if !ok {
		id = g.Handle.ID
	}
	var value secret.Value
	for _, value = range content {
		break
	}
	return minted{id, value.Reveal()}, err
}

var bareClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * inFlight, IdleConnTimeout: time.Minute}}

// send makes the requests of one rotation for another account.
func (v *vendor) send(ctx context.Context, account, label string, old minted) (fresh minted, err error) {
	for _, c := range v.script {
		fill := strings.NewReplacer("{account}", account, "{old}", old.id, "{new}", fresh.id, "{label}", label,
			"{old-value}", old.value, "{new-value}", fresh.value, "{admin}", v.admin)
		req, err := http.NewRequestWithContext(ctx, c.method, v.server.URL+fill.Replace(c.uri), strings.NewReader(fill.Replace(c.body)))
		if err != nil {
			return fresh, err
		}
		req.Header.Set("Authorization", fill.Replace(c.auth))
		req.Header.Set("Content-Type", "application/json")
		resp, err := bareClient.Do(req)
		if err != nil {
			return fresh, err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return fresh, err
		}
		if c.mints {
			fresh = mintedFrom(body)
		}
		if resp.StatusCode >= 400 && resp.StatusCode != http.StatusUnauthorized { // the proof that the old one is dead
			return fresh, fmt.Errorf("%s %s: status %d", c.method, c.uri, resp.StatusCode)
		}
	}
	return fresh, nil
}
