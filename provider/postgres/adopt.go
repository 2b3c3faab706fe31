package postgres

import (
	"context"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

var _ provider.Adopter = (*Provider)(nil)

// adopting is one look at a cluster: what would have to be done so that the login old
// owns nothing any more and acts as the owner role, as the two new logins will.
type adopting struct {
	p     *Provider
	op    string
	old   login
	owner login
	slots [2]login

	join      string   // the admin, if it must become a member of the owner role to hand objects over
	inherit   string   // what GRANT needs for it
	circular  []string // roles of the login's that are members of the owner role
	shared    moves    // grants on what all databases share
	path      string   // search_path of a login that has none of its own
	databases []database
	steps     script
	undo      script
	notes     []string
}

// PlanAdoption looks at every database in which the login has anything. Each step is
// there only while it is still to be done, so a plan made again after a crash is what
// is left of the first.
func (p *Provider) PlanAdoption(ctx context.Context, values secret.Set) (provider.Adoption, error) {
	a, err := p.planned(ctx, "postgres: adopt", values)
	if err != nil || a == nil {
		return provider.Adoption{}, err
	}
	out := provider.Adoption{Steps: a.steps.lines(), Undo: a.undo.lines()}
	if len(out.Steps) > 0 {
		out.Notes = a.notes
	}
	return out, nil
}

// planned is nil if there is nothing to adopt.
func (p *Provider) planned(ctx context.Context, op string, values secret.Set) (*adopting, error) {
	name := p.nameOf(values)
	switch {
	case p.opts.Strategy == rotation.InPlace || p.manages(name):
		return nil, nil
	case name == "":
		return nil, fault.New(fault.BadConfig, "%s: the value has no user name", op).
			WithHint("a target must hold {{.username}}")
	case name == p.opts.OwnerRole:
		return nil, fault.New(fault.BadConfig, "%s: %s is both the login and the owner role", op, name).
			WithHint("choose another name for owner-role: the role that owns everything cannot log in")
	}
	a := &adopting{p: p, op: op}
	err := p.visit(ctx, op, p.opts.Database, func(s *session) error { return a.lookAtCluster(ctx, s, name) })
	if err != nil {
		return nil, err
	}
	for i := range a.databases {
		d := &a.databases[i]
		if err := p.visit(ctx, op, d.name, func(s *session) error { return a.lookAtDatabase(ctx, s, d) }); err != nil {
			return nil, err
		}
	}
	a.compose()
	return a, nil
}

// compose puts the pieces in order. The new memberships come first, so that the old
// login reaches its objects at every moment; on the way back they go last.
func (a *adopting) compose() {
	shared := a.roles()
	a.steps.add(a.p.opts.Database, shared.do...)
	for _, d := range a.databases {
		a.steps.addChunks(d.name, d.singles.do)
		a.steps.add(d.name, d.rest.do...)
	}
	if len(a.steps) == 0 {
		return
	}
	for _, d := range a.databases {
		a.undo.add(d.name, d.rest.back()...)
		a.undo.addChunks(d.name, d.singles.back())
	}
	a.undo.add(a.p.opts.Database, shared.back()...)
	a.explain()
}

// Adopt does what of the shown steps is still to be done, and nothing if the cluster
// now asks for more than was shown.
func (p *Provider) Adopt(ctx context.Context, values secret.Set, shown provider.Adoption) error {
	const op = "postgres: adopt"
	agreed, err := parseScript(shown.Steps)
	if err != nil {
		return err
	}
	a, err := p.planned(ctx, op, values)
	if err != nil || a == nil {
		return err
	}
	if !a.steps.within(agreed) {
		return fault.New(fault.Rejected, "%s: the databases are no longer as they were when the steps were shown; nothing was done", op).
			WithHint("look at the steps again: rotor adopt")
	}
	if err := p.run(ctx, op, a.steps); err != nil {
		return err
	}
	return a.done(ctx, values, agreed)
}

// done looks again: to a role that is no superuser the server may grant nothing, and
// say so in a mere warning.
func (a *adopting) done(ctx context.Context, values secret.Set, agreed script) error {
	again, err := a.p.planned(ctx, a.op, values)
	if err != nil || again == nil {
		return err
	}
	for _, t := range again.steps {
		for _, st := range t.statements {
			left := script{{t.database, []string{st}}}
			if left.within(agreed) {
				return fault.New(fault.Denied, "%s: database %s: the server did not do this: %s", a.op, ident(t.database), st).
					WithHint("let the admin be a superuser for the adoption, or run the step by hand")
			}
		}
	}
	return nil
}

// Unadopt runs the way back. What meanwhile is gone needs no way back.
func (p *Provider) Unadopt(ctx context.Context, values secret.Set, done provider.Adoption) error {
	const op = "postgres: undo adoption"
	back, err := parseScript(done.Undo)
	if err != nil || len(back) == 0 {
		return err
	}
	if err := p.undoable(ctx, op, p.nameOf(values)); err != nil {
		return err
	}
	for _, t := range back {
		if err := p.runBack(ctx, op, t); err != nil {
			return err
		}
	}
	return nil
}

// undoable: only while the old login lives and neither of the new ones does.
func (p *Provider) undoable(ctx context.Context, op, name string) error {
	return p.admin.with(ctx, op, func(ctx context.Context, s *session) error {
		rows, err := s.read(ctx, `SELECT rolname, rolcanlogin::text FROM pg_roles WHERE rolname = ANY ($1::text[])`,
			array(append([]string{name}, p.opts.managed()...)))
		if err != nil {
			return err
		}
		lives := false
		for _, row := range rows {
			switch {
			case row[0] == name:
				lives = row[1] == "true"
			case row[1] == "true":
				return fault.New(fault.NeedsPerson, "%s: role %s may log in: a rotation has been made", op, row[0]).
					WithHint("go back to %s first: rotor rollback; or, if nothing uses %s, ALTER ROLE … NOLOGIN", name, row[0])
			}
		}
		if !lives {
			return fault.New(fault.NeedsPerson, "%s: the login %s is retired", op, name).
				WithHint("its objects belong to %s now, and the new logins act as it; there is nothing to go back to", p.opts.OwnerRole)
		}
		return nil
	})
}
