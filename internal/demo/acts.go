package demo

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/agenticverz/rotor/internal/demo/unit"
)

const (
	phaseLogin = "Rotor: database login"
	phaseToken = "Rotor: token"
	phaseBad   = "Rotor: bad value"
)

// loginAct: the runbook's section 2, done by Rotor.
func (d *demo) loginAct(ctx context.Context, p *pair, out *outcome) error {
	d.story.section("Rotor changes the database login",
		"Two logins take turns under one owner: the other one gets a new password, the services",
		"move to it one by one, and only then the one in use until now is closed.")
	before := p.value("DATABASE_URL")
	was := loginOf(before)
	sessions, err := d.database.sessions(ctx, was.user)
	if err != nil {
		return err
	}
	p.load.Phase(phaseLogin)
	if err := d.rotate(ctx, p, "database"); err != nil {
		return err
	}
	after := p.value("DATABASE_URL")
	is := loginOf(after)
	d.values.add(is.password)
	d.told(p.load.Result(), phaseLogin)
	out.newLogin, out.oldLogin = d.database.try(ctx, after), d.database.try(ctx, before)
	if out.sessions, err = d.database.sessions(ctx, was.user); err != nil {
		return err
	}
	d.story.fact("new login ("+is.user+")", "%s", out.newLogin)
	d.story.fact("old login ("+was.user+")", "%s", out.oldLogin)
	d.story.fact("sessions of the old login", "%d before, %d now", sessions, out.sessions)
	d.expect(after != before && out.newLogin == works, "the new login does not work")
	d.expect(strings.HasPrefix(out.oldLogin, refused), "the old login is not refused")
	d.expect(out.sessions == 0, "the old login still has sessions")
	return nil
}

// tokenAct: a token that nobody issues; the services that check it take the new
// one beside the old one first.
func (d *demo) tokenAct(ctx context.Context, p *pair, out *outcome) error {
	d.story.section("Rotor changes the token between client and services",
		"The services accept both for a while; the client moves; then the old one is forgotten.")
	before := p.caller.Value()
	p.load.Phase(phaseToken)
	if err := d.rotate(ctx, p, "machine-token"); err != nil {
		return err
	}
	after := d.values.add(p.caller.Value())
	d.told(p.load.Result(), phaseToken)
	is, was := p.tryToken(ctx, after), p.tryToken(ctx, before)
	out.oldToken = was
	d.story.fact("new token", "%s", is)
	d.story.fact("old token", "%s", was)
	d.expect(after != before && is == works, "the new token does not work")
	d.expect(was == refused, "the old token is not refused")
	return nil
}

// badAct gives Rotor a value that no service can start with.
func (d *demo) badAct(ctx context.Context, p *pair) error {
	d.story.section("Rotor is given a bad value",
		"A key that a person copies from a partner's console, cut off while copying. The first",
		"instance that gets it is the canary.")
	before := p.value(partnerKey)
	p.load.Phase(phaseBad)
	if _, err := d.rotor(ctx, "", "rotate", "partner-key", "--yes"); err != nil {
		return err
	}
	code, err := d.rotor(ctx, d.values.add(newToken()[:12]), "set", "partner-key", "-")
	if err != nil {
		return err
	}
	d.expect(code != exitDone, "the bad value was taken")
	d.story.fact("instance one had said", "%s", p.lastWords("one", "ends: "))
	d.story.say("The key at the partner is a person's to revoke; that person says so:")
	if err := d.finish(ctx, "set", "partner-key", "--retire", "1"); err != nil {
		return err
	}
	d.told(p.load.Result(), phaseBad)
	restored := p.value(partnerKey) == before
	running := p.holding(ctx)
	d.story.fact(".env holds the old value again", "%v", restored)
	d.story.fact("instances that run with it", "%d of %d", running, len(p.names))
	d.expect(restored && running == len(p.names), "the bad value was not rolled back")
	return nil
}

// rotate is one rotation until the old value is dead; with Crash, Rotor does not
// live that long.
func (d *demo) rotate(ctx context.Context, p *pair, name string) error {
	if d.Crash {
		return d.rotateAndCrash(ctx, p, name)
	}
	return d.finish(ctx, "rotate", name, "--yes", "--wait")
}

// finish runs rotor where only success will do.
func (d *demo) finish(ctx context.Context, args ...string) error {
	code, err := d.rotor(ctx, "", args...)
	if err == nil && code != exitDone {
		err = fmt.Errorf("rotor ended with status %d", code)
	}
	return err
}

// rotateAndCrash kills Rotor twice at the worst moments: when the new value has
// been written and nobody runs with it, and when one instance does.
func (d *demo) rotateAndCrash(ctx context.Context, p *pair, name string) error {
	before := p.files()
	written := func() bool { return p.files() != before }
	moved := func() bool {
		n := p.holding(ctx)
		return written() && n > 0 && n < len(p.names) || !written() && n == 0
	}
	first := []string{"rotate", name, "--yes", "--wait"}
	for i, moment := range []func() bool{written, moved} {
		args := first
		if i > 0 {
			args = []string{"resume", name, "--wait"}
		}
		done, err := d.killAt(ctx, moment, args...)
		if err != nil || done {
			return err
		}
		d.story.say("kill -9: %d of %d instances run with what .env says; failed requests so far: %d",
			p.holding(ctx), len(p.names), p.load.Result().All.Failed)
	}
	return d.finish(ctx, "resume", name, "--wait")
}

// killAt runs rotor and kills it at the moment; done says that it was faster.
func (d *demo) killAt(ctx context.Context, moment func() bool, args ...string) (done bool, err error) {
	c, err := d.startRotor(ctx, "", args...)
	if err != nil {
		return false, err
	}
	ended := make(chan error, 1)
	go func() {
		code, err := c.wait()
		if err == nil && code > 0 && ctx.Err() == nil {
			err = fmt.Errorf("rotor ended with status %d", code)
		}
		ended <- err
	}()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return true, err
		case <-tick.C:
		}
		if moment() {
			c.kill()
			return false, <-ended // -1, or it was just ending by itself
		}
	}
}

// files is the content of both .env files, to see that something was written.
func (p *pair) files() string {
	text := ""
	for _, path := range []string{p.env, p.callerEnv} {
		values, err := unit.ReadEnv(path)
		text += fmt.Sprint(values, err)
	}
	return text
}

// tryToken asks every instance.
func (p *pair) tryToken(ctx context.Context, token string) string {
	verdict := ""
	for _, name := range p.names {
		got := p.ask(ctx, p.instances[name].URL(), token)
		if verdict != "" && got != verdict {
			return "the instances disagree"
		}
		verdict = got
	}
	return verdict
}

func (p *pair) ask(ctx context.Context, base, token string) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/work", nil)
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Authorization", "Bearer "+token)
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return "no answer"
	}
	_ = resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		return refused
	case http.StatusOK:
		return works
	}
	return works + ", but " + resp.Status
}

// expect holds Rotor to its word.
func (d *demo) expect(ok bool, otherwise string) {
	if !ok {
		d.breaks("%s", otherwise)
	}
}
