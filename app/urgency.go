package app

import "slices"

// byUrgency sorts the longest overdue first; those of one age stay in the order
// of the file.
func byUrgency(all []Standing) {
	slices.SortStableFunc(all, func(a, b Standing) int { return a.Schedule.Due.Compare(b.Schedule.Due) })
}

// Due lists the credentials whose scheduled rotation may start now, as
// `rotate --due` and `plan` mean it: one that was never rotated is due.
func Due(all []Standing) []Standing {
	var out []Standing
	for _, s := range all {
		if s.InConfig && s.Schedule.Ripe && len(s.Known.OpenOf("rotation")) == 0 {
			out = append(out, s)
		}
	}
	byUrgency(out)
	return out
}
