// Package sim is the fault simulator: small models of everything outside Rotor,
// virtual time, and a script that says at which point what goes wrong. After
// every event the invariants V1 to V10 are checked against the world as it is.
//
// What surprises: the models know nothing of the engine, and the checks read the
// models, not the journal's opinion of them.
package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/rotation"
)

// Class is what a provider can do and who makes the value.
type Class string

// The classes of runbook credentials.
const (
	OverlapServer Class = "O-s"  // overlap, server-made, shown once
	OverlapCaller Class = "O-c"  // overlap, caller-made
	Alternating   Class = "ALT"  // two accounts taking turns
	InPlaceCaller Class = "IN-c" // in place, caller-made
	InPlaceServer Class = "IN-s" // in place, server-made, can be shown again
	Timed         Class = "O-t"  // overlap, server-made, can be shown again; the old one ends by a timer
	SelfChanging  Class = "SELF" // in place, by itself: the request needs a living value
	ByHand        Class = "MAN"  // a person mints and revokes in a console
	Unnamed       Class = "O-n"  // overlap, server-made, no labels, and no room for a third of ours
)

// Classes lists all.
var Classes = []Class{OverlapServer, OverlapCaller, Alternating, InPlaceCaller, InPlaceServer, Timed, SelfChanging, ByHand, Unnamed}

// Fault is one thing that goes wrong at one point.
type Fault string

// Faults at an effect, at a journal write, and around them.
const (
	E1 Fault = "E1 not sent"
	E2 Fault = "E2 time-out, not applied"
	E3 Fault = "E3 time-out, applied"
	E4 Fault = "E4 refused for good"
	E5 Fault = "E5 busy, then fine"
	E6 Fault = "E6 executed twice"
	E7 Fault = "E7 applied late"
	E8 Fault = "E8 said ok, not effective yet"
	E9 Fault = "E9 works once, then not for a while"
	K3 Fault = "K3 killed before the call"
	K4 Fault = "K4 killed after the call"
	K1 Fault = "K1 killed before the write"
	K2 Fault = "K2 killed after the write"
	J1 Fault = "J1 disk full"
	J2 Fault = "J2 I/O error, not written"
	J3 Fault = "J3 fsync error, written"
	T1 Fault = "T1 clock +25 h"
	T2 Fault = "T2 clock -25 h"
	T3 Fault = "T3 reboot, clock +25 h"
	O1 Fault = "O1 second worker takes over"
	O2 Fault = "O2 neighbour's key edited by hand"
)

// EffectFaults and WriteFaults are what every point of their sort is tried with.
var (
	EffectFaults = []Fault{E1, E2, E3, E4, E5, E6, E7, E8, E9, K3, K4}
	WriteFaults  = []Fault{K1, K2, J1, J2, J3, T1, T2, T3, O1, O2}
)

// Point is a place where something can go wrong: the nth effect or write.
type Point struct {
	N     int
	Write bool
	Name  string
}

// Worth leaves out all looks around but the first two: the others begin and end
// in the same state, and a grace has two dozen of them.
func (w *World) Worth() []Point {
	looks := 0
	return slices.DeleteFunc(slices.Clone(w.Points), func(p Point) bool {
		if p.Name == look {
			looks++
		}
		return p.Name == look && looks > 2
	})
}

func (p Point) String() string { return fmt.Sprintf("%d:%s", p.N, p.Name) }

// killed is panicked through the engine when the process dies.
type killed struct{}

// timing of the models: virtual time
const (
	settle   = 4 * time.Second
	inFlight = 60 * time.Second
	late     = 40 * time.Second
	grace    = 48 * time.Hour
	lingers  = 60 * time.Hour
)

type delayed struct {
	at    time.Duration // real
	apply func()
}

// World is everything outside Rotor, and the clocks.
type World struct {
	Script map[int]Fault // by point
	Points []Point       // met so far
	Log    []string      // for the message of a failure

	boot    time.Duration // since this boot
	real    time.Duration // since the simulation began; never set by anybody
	wall    time.Time
	bootID  string
	first   string // the value before the rotation
	firstID string // its handle at the provider
	pending []delayed
	counter int

	Provider *provider
	Store    *trippedStore
	Units    *units
	sim      *Sim
}

// Now is both clocks.
func (w *World) Now() rotation.Instant {
	return rotation.Instant{Wall: w.wall, Boot: w.boot, BootID: w.bootID}
}

// Advance lets time pass; what was delayed takes effect on its way.
func (w *World) Advance(d time.Duration) {
	end := w.real + d
	for {
		next := -1
		for i, p := range w.pending {
			if p.at <= end && (next < 0 || p.at < w.pending[next].at) {
				next = i
			}
		}
		if next < 0 {
			break
		}
		p := w.pending[next]
		w.pending = append(w.pending[:next], w.pending[next+1:]...)
		w.pass(max(0, p.at-w.real))
		p.apply()
		w.logf("late effect at %s", w.real)
	}
	w.pass(end - w.real)
}

func (w *World) pass(d time.Duration) {
	w.boot += d
	w.real += d
	w.wall = w.wall.Add(d)
}

func (w *World) later(d time.Duration, apply func()) {
	w.pending = append(w.pending, delayed{w.real + d, apply})
}

// last is the fault at the newest point.
func (w *World) last() Fault { return w.Script[len(w.Points)-1] }

// look is a call that changes nothing: the faults that need an effect do not
// apply.
func (w *World) look(name string) error {
	f := w.point(name, false)
	switch f {
	case E1, E2, E3, E7:
		return fault.New(fault.Unknown, "%s: time-out", name)
	case E4:
		return fault.New(fault.Denied, "%s: forbidden", name)
	case E5:
		return &fault.Error{Kind: fault.Transient, Op: name + ": too many requests", RetryAfter: 30 * time.Second}
	case E8:
		return fault.New(fault.Unknown, "%s: the answer makes no sense", name)
	case K3, K4:
		panic(killed{})
	}
	return nil
}

func (w *World) logf(format string, args ...any) {
	w.Log = append(w.Log, fmt.Sprintf(format, args...))
}

func (w *World) mint(prefix string) string {
	w.counter++
	return fmt.Sprintf("%s-marker-%04d-%s", prefix, w.counter, "qwertyuiop")
}

func (w *World) point(name string, write bool) Fault {
	p := Point{N: len(w.Points), Write: write, Name: name}
	w.Points = append(w.Points, p)
	f := w.Script[p.N]
	if name == "issue" && w.sim.loseNextIssue != "" {
		f, w.sim.loseNextIssue = w.sim.loseNextIssue, ""
		w.Script[p.N] = f
	}
	if f != "" {
		w.logf("%s: %s", p, f)
	}
	return f
}

// effect is one call to the outside: apply changes the world and may refuse.
func (w *World) effect(name string, apply func() error) error {
	f := w.point(name, false)
	w.sim.announced(name)
	w.logf("call %s", name)
	switch f {
	case E1:
		return fault.New(fault.Transient, "%s: connection refused", name)
	case E2:
		return fault.New(fault.Unknown, "%s: time-out", name)
	case E3:
		_ = apply()
		return fault.New(fault.Unknown, "%s: time-out", name)
	case E4:
		return fault.New(fault.Denied, "%s: forbidden", name)
	case E5:
		return &fault.Error{Kind: fault.Transient, Op: name + ": too many requests", RetryAfter: 30 * time.Second}
	case E6:
		_ = apply()
		return apply()
	case E7:
		w.later(late, func() { _ = apply() })
		return fault.New(fault.Unknown, "%s: time-out", name)
	case K3:
		panic(killed{})
	case K4:
		_ = apply()
		panic(killed{})
	}
	return apply()
}
