package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/agenticverz/rotor/policy"
	"github.com/agenticverz/rotor/rotation"
)

// progress shows durable events as they come: on a terminal a bar of six cells,
// redrawn in place, elsewhere one line for each event.
type progress struct {
	s    *shell
	mode string

	mu     sync.Mutex
	name   string
	cells  map[rotation.Step]mark
	notice string
	drawn  bool
	said   map[string]string // the last line of each record: a look that finds nothing new is not told
}

type mark int

const (
	notYet mark = iota
	busy
	done
	failed
)

var bar = []struct {
	label string
	steps []rotation.Step
}{
	{"Generate", []rotation.Step{rotation.Generate}},
	{"Verify", []rotation.Step{rotation.Verify}},
	{"Publish", []rotation.Step{rotation.Publish}},
	{"Deploy", []rotation.Step{rotation.Deploy}},
	{"Monitor", []rotation.Step{rotation.Monitor}},
	{"Revoke", []rotation.Step{rotation.Revoke, rotation.Prove}},
}

func (s *shell) newProgress() *progress {
	mode := s.progress
	if mode == "auto" {
		mode = "plain"
		if s.errTTY && os.Getenv("TERM") != "dumb" && os.Getenv("ACCESSIBLE") == "" && os.Getenv("CI") == "" {
			mode = "tty"
		}
	}
	return &progress{s: s, mode: mode, said: map[string]string{}}
}

func (p *progress) begin(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.name, p.cells, p.notice = name, map[rotation.Step]mark{}, ""
}

// end leaves the bar as it stands and goes to the next line.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn {
		p.s.tell("\n")
	}
	p.drawn = false
}

// event is the engine's observer; several records may report at once.
func (p *progress) event(r rotation.Record, e rotation.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.mode {
	case "json":
		text, err := json.Marshal(struct {
			APIVersion string         `json:"apiVersion"`
			Kind       string         `json:"kind"`
			Credential string         `json:"credential"`
			Record     string         `json:"record"`
			Event      rotation.Event `json:"event"`
		}{apiVersion, "Event", r.Credential, r.ID, e})
		if err == nil {
			p.s.tell("%s\n", text)
		}
	case "tty":
		p.note(r, e)
		p.draw()
	default:
		if line := p.s.eventLine(r, e); line != "" && line != p.said[r.ID] {
			p.said[r.ID] = line
			p.s.tell("%s  %s\n", r.Credential, line)
		}
	}
}

// note moves the cells.
func (p *progress) note(r rotation.Record, e rotation.Event) {
	if p.cells == nil {
		p.cells = map[rotation.Step]mark{}
	}
	p.notice = ""
	switch {
	case e.Type == rotation.Turn:
		p.notice = "rolling back"
	case e.Type == rotation.Pause:
		p.notice = e.Note
		if e.Wake != nil {
			p.notice += " (" + policy.FormatSpan(e.Wake.For.Round(1e6)) + ")"
		}
	case e.Action.Phase == rotation.Undo:
		p.notice = "rolling back: " + string(e.Action.Step)
	case e.Type == rotation.Intent:
		p.cells[e.Action.Step] = busy
	case e.Type == rotation.Result && e.Outcome == rotation.OK:
		p.cells[e.Action.Step] = done
	case e.Type == rotation.Result:
		p.cells[e.Action.Step], p.notice = failed, e.Note
	}
	if r.Kind == rotation.KindRotation && r.Status == rotation.Done {
		for _, c := range bar[:5] { // steps without parts never report
			for _, step := range c.steps {
				p.cells[step] = done
			}
		}
	}
}

func (p *progress) draw() {
	var b strings.Builder
	b.WriteString("\r\x1b[K" + p.name)
	for _, c := range bar {
		m := notYet
		for _, step := range c.steps {
			m = max(m, p.cells[step])
		}
		switch m {
		case done:
			b.WriteString("  " + p.s.paint(green, "■ "+c.label))
		case busy:
			b.WriteString("  " + p.s.paint(yellow, "▶ "+c.label))
		case failed:
			b.WriteString("  " + p.s.paint(red, "✗ "+c.label))
		default:
			b.WriteString("  " + p.s.paint(dim, "□ "+c.label))
		}
	}
	if p.notice != "" {
		b.WriteString("  " + p.notice)
	}
	p.drawn = true
	fmt.Fprint(p.s.err, clip(b.String(), 200))
}

// clip keeps a bar from growing over many lines.
func clip(text string, most int) string {
	if visible(text) <= most {
		return text
	}
	runes := []rune(text)
	return string(runes[:min(len(runes), most)]) + "…\x1b[0m"
}

// eventLine is an event in words; "" for one that says nothing new.
func (s *shell) eventLine(r rotation.Record, e rotation.Event) string {
	what := string(e.Action.Step)
	switch e.Action.Phase {
	case rotation.Undo:
		what = "rollback: " + what
	case rotation.Accept:
		if e.Action.Step == rotation.Publish || e.Action.Step == rotation.Deploy {
			what += " (acceptor)"
		}
	}
	if r.Kind == rotation.KindRetirement {
		what = fmt.Sprintf("generation %d: %s", r.Generation, what)
	}
	if e.Part != "" {
		what += " " + strings.TrimSuffix(e.Part, ":") // a store that is one path
	}
	switch e.Type {
	case rotation.Result:
		if e.Outcome == rotation.OK {
			return strings.TrimRight(what+": "+s.paint(green, "ok")+note(e.Note), " ")
		}
		return fmt.Sprintf("%s: %s (%s): %s", what, s.paint(red, "failed"), e.Fault, e.Note)
	case rotation.Pause:
		if e.Wake != nil && e.Wake.Look > 0 && e.Facts != nil { // a look around in the middle of a grace
			if len(e.Facts.InUse) == 0 {
				return ""
			}
			return fmt.Sprintf("%s: still in use: %s", what, strings.Join(e.Facts.InUse, ", "))
		}
		if e.Wake != nil && e.Note == string(e.Action.Step) {
			return fmt.Sprintf("%s: waiting %s", what, span(e.Wake.For))
		}
		if e.Wake != nil {
			return fmt.Sprintf("%s: waiting %s: %s", what, span(e.Wake.For), e.Note)
		}
		return fmt.Sprintf("%s: %s", what, e.Note)
	case rotation.Turn:
		return s.paint(yellow, "rolling back")
	case rotation.Redo:
		return "again from " + what + note(e.Note)
	case rotation.Input:
		if e.Facts != nil {
			return fmt.Sprintf("%s by %s", e.Facts.Order, e.Actor)
		}
	}
	return ""
}

func note(text string) string {
	if text == "" {
		return ""
	}
	return ", " + text
}
