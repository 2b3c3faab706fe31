package rotation

import "testing"

// A refusal proves that its own try was not applied, and nothing about one before it.
func TestNoWayBackFromATryThatMayHaveArrived(t *testing.T) {
	generate := Action{Step: Generate, Phase: Accept}
	intent := Event{Type: Intent, Action: generate}
	redo := Event{Type: Redo, Action: generate}
	result := func(o Outcome) Event { return Event{Type: Result, Action: generate, Outcome: o} }
	noEffect := Event{Type: Redo, Action: generate, Facts: &Facts{Proof: NoEffect}}
	for name, one := range map[string]struct {
		done []Event
		back bool
	}{
		"nothing yet":                        {nil, true},
		"refused":                            {[]Event{intent, result(Refused)}, true},
		"refused twice":                      {[]Event{intent, result(Refused), redo, intent, result(Refused)}, true},
		"made":                               {[]Event{intent, result(OK)}, false},
		"not answered":                       {[]Event{intent}, false},
		"killed, then not even asked":        {[]Event{intent, redo, result(Refused)}, false},
		"killed, then refused":               {[]Event{intent, redo, intent, result(Refused)}, false},
		"unclear, then refused":              {[]Event{intent, result(Unclear), redo, intent, result(Refused)}, false},
		"made, failed, then refused":         {[]Event{intent, result(OK), redo, intent, result(Refused)}, false},
		"killed without effect":              {[]Event{intent, noEffect}, true},
		"killed without effect, and refused": {[]Event{intent, noEffect, intent, result(Refused)}, true},
	} {
		if _, ok := Back(InPlace, Live{}, one.done); ok != one.back {
			t.Errorf("%s: a way back: %v", name, ok)
		}
		if _, ok := Back(Overlap, Live{}, one.done); !ok {
			t.Errorf("%s: no way back, though values live side by side", name)
		}
	}
}
