package rotation

// Live is what a plan must know of the system besides strategy and minter.
type Live struct {
	Approval  bool `json:"approval,omitempty"`  // the policy wants a person's yes
	Holders   bool `json:"holders,omitempty"`   // a consumer can stand still around the change
	Acceptors bool `json:"acceptors,omitempty"` // others than the provider check the value
	NoIssuer  bool `json:"noIssuer,omitempty"`  // nobody outside refuses a value
	Lingers   bool `json:"lingers,omitempty"`   // once a new value is made, the old one ends by a timer
	Older     bool `json:"older,omitempty"`     // an earlier generation's retirement is open
	Finds     bool `json:"finds,omitempty"`     // the provider can list values by label
	Reshapes  bool `json:"reshapes,omitempty"`  // adopt: something must be changed at the provider first
}

// OneWay says whether making a value is the point of no return: the old one ends with
// it, at once or by a timer that nobody can stop.
func (l Live) OneWay(s Strategy) bool { return (s == InPlace || l.Lingers) && !l.NoIssuer }

// Plan is the order of a rotation: the only place that has one. Parts (paths,
// units) are filled in at preflight; an action without parts is passed over.
//
// The runbook publishes before it tests; here a value is proven first, because
// a process that restarts in between would take a broken one.
func Plan(s Strategy, m Minter, mode Mode, live Live) []Action {
	var p []Action
	add := func(phase Phase, steps ...Step) {
		for _, step := range steps {
			p = append(p, Action{step, phase})
		}
	}
	if mode == Adopt {
		add(Accept, Preflight)
		if live.Reshapes {
			add(Accept, Reshape)
		}
		add(Accept, Verify)
		add(Switch, Finish)
		return p
	}
	if live.Approval && mode != Emergency {
		add(Before, Preflight, Approve)
	}
	if live.Older && (s == Alternate || live.Acceptors) {
		add(Before, Await) // the slot is still somebody's, or acceptors hold two values already
	}
	if m == ByPerson {
		if len(p) == 0 || p[0].Step != Preflight {
			add(Before, Preflight)
		}
		add(Before, Ask)
	}
	add(Accept, Preflight)
	if s == InPlace {
		if live.Holders {
			add(Accept, Hold)
		}
		add(Accept, Generate)
		if live.Acceptors {
			add(Accept, Publish, Deploy)
		}
		add(Switch, Publish)
		if live.Holders {
			add(Switch, Release)
		}
		add(Switch, Verify, Deploy, Monitor)
		if live.Finds {
			add(Switch, Sweep)
		}
		add(Switch, Finish)
		return p
	}
	add(Accept, Generate)
	if live.Acceptors {
		add(Accept, Publish, Deploy)
	}
	add(Accept, Verify)
	if mode == Drill {
		add(Accept, Finish)
		return p
	}
	add(Switch, Publish, Deploy, Monitor)
	if live.Finds {
		add(Switch, Sweep) // a request that was executed twice left one too many
	}
	add(Switch, Finish)
	return p
}

// PlanRetirement is the order in which an old generation ends. A value that was
// replaced where it lived, or that ends by itself, is not revoked, only probed.
func PlanRetirement(s Strategy, live Live) []Action {
	p := []Action{{Grace, Retire}, {Evidence, Retire}}
	if !live.OneWay(s) && !live.NoIssuer {
		p = append(p, Action{Revoke, Retire})
	}
	if live.Acceptors {
		p = append(p, Action{Publish, Retire}, Action{Deploy, Retire})
	}
	p = append(p, Action{Prove, Retire})
	if live.Finds {
		p = append(p, Action{Sweep, Retire})
	}
	return append(p, Action{Erase, Retire})
}

// PlanGiveBack undoes an adoption.
func PlanGiveBack(live Live) []Action {
	if live.Reshapes {
		return []Action{{Reshape, Undo}, {Finish, Undo}}
	}
	return []Action{{Finish, Undo}}
}

// PlanReverse goes back to a generation that is still in its grace: the rollback
// of a rotation that was done.
func PlanReverse() []Action {
	return []Action{{Recheck, Undo}, {Publish, Undo}, {Deploy, Undo}, {Finish, Undo}}
}

// NoEffect is the proof, in a Redo of generate, that the request whose answer was lost had
// no effect: the provider still shows the old value.
const NoEffect = "the lost request had no effect"

// Back is the plan of a rollback, from what was done: the old value is proven
// alive, targets get back exactly what they held, changed units are deployed
// again. The new generation then ends by a retirement of its own. ok is false
// past the point of no return.
func Back(s Strategy, live Live, done []Event) (plan []Action, ok bool) {
	begun := map[Step]bool{}
	replaced := false // the old value may be gone
	tried := false    // there is a try without an answer
	lost := false     // and it was given up for another, whose refusal says nothing of the first
	for _, e := range done {
		generate := e.Action.Step == Generate
		switch {
		case e.Type == Intent && e.Action.Phase != Undo:
			begun[e.Action.Step] = true
			replaced = replaced || generate
			tried = tried || generate
		case e.Type == Result && generate && e.Outcome == Refused:
			replaced, tried = lost, false // this one was proven not to be applied
		case e.Type == Redo && generate && e.Facts != nil && e.Facts.Proof == NoEffect:
			replaced, tried, lost = false, false, false
		case e.Type == Redo && generate:
			lost = lost || tried
		case e.Type == Result && generate, e.Type == Input && e.Facts != nil && e.Facts.Order == OrderSupply:
			replaced = true // a person mints before Rotor hears of it
		}
	}
	if live.OneWay(s) && replaced {
		return nil, false
	}
	if begun[Reshape] {
		plan = append(plan, Action{Reshape, Undo})
	}
	if begun[Publish] || begun[Deploy] {
		plan = append(plan, Action{Recheck, Undo}, Action{Publish, Undo})
	}
	if begun[Hold] {
		plan = append(plan, Action{Release, Undo})
	}
	if begun[Deploy] {
		plan = append(plan, Action{Deploy, Undo})
	}
	return append(plan, Action{Finish, Undo}), true
}
