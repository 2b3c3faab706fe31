package rotation

import "time"

// Instant is a point in time on both clocks. The boot-time clock runs through
// suspend and cannot be set; it means something only within one boot.
type Instant struct {
	Wall   time.Time     `json:"wall"`
	Boot   time.Duration `json:"boot"`
	BootID string        `json:"bootId"`
}

// Wait is a span that must pass. Guarded waits (grace) decide about revocation:
// a clock that was set may delay their end but never hasten it.
type Wait struct {
	Since   Instant       `json:"since"`
	For     time.Duration `json:"for"`
	Guarded bool          `json:"guarded,omitempty"`
	Witness time.Time     `json:"witness,omitzero"` // an outside clock's time at Since
	Reason  string        `json:"reason,omitempty"`
	Look    time.Duration `json:"look,omitempty"` // > 0: come back this long after Since, before the end, to look around
}

// Next is how long after Since the wait is to be asked again.
func (w Wait) Next() time.Duration {
	if w.Look > 0 {
		return min(w.Look, w.For)
	}
	return w.For
}

// Until is the expected end on the wall clock, for people.
func (w Wait) Until() time.Time { return w.Since.Wall.Add(w.For) }

// Ripe says whether it is worth asking Check: cheap, and used for the journal's
// query of due rows.
func (w Wait) Ripe(now Instant) bool {
	if now.BootID == w.Since.BootID {
		return now.Boot-w.Since.Boot >= w.Next()
	}
	return !now.Wall.Before(w.Since.Wall.Add(w.Next()))
}

// Left is how long to wait before asking again; 0 if Ripe.
func (w Wait) Left(now Instant) time.Duration {
	if now.BootID == w.Since.BootID {
		return max(0, w.Next()-(now.Boot-w.Since.Boot))
	}
	return max(0, w.Since.Wall.Add(w.Next()).Sub(now.Wall))
}

// Ending is the verdict on a wait's end.
type Ending int

const (
	NotOver   Ending = iota
	Over             // the time has passed
	StartOver        // nobody can tell: the whole span begins again now
)

// ClockSkew is how far the wall clock and an outside clock may differ.
const ClockSkew = 5 * time.Minute

// Check decides a guarded wait: within one boot by the boot clock; after a
// reboot only if the wall clock and an outside clock agree, and the outside
// clock was asked at the start too (the wall clock may have been wrong then);
// never before the latest time already journalled. outside is nil if no outside clock
// answered.
func (w Wait) Check(now Instant, latest time.Time, outside *time.Time) Ending {
	if now.BootID == w.Since.BootID {
		if now.Boot-w.Since.Boot >= w.For {
			return Over
		}
		return NotOver
	}
	if now.Wall.Before(w.Until()) || now.Wall.Before(latest) {
		return NotOver
	}
	if !w.Guarded {
		return Over
	}
	if outside == nil || w.Witness.IsZero() || outside.Sub(now.Wall).Abs() > ClockSkew {
		return StartOver // the boot clock decides from here
	}
	if outside.Before(w.Witness.Add(w.For)) {
		return NotOver
	}
	return Over
}
