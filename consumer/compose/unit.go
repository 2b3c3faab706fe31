package compose

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/compose"
)

// unit is one service and, for recreate, the containers it had when the units
// were journalled: "backend@3fae12d0c1b2,9b01cc77aa10". A process that resumes
// knows from the name alone which containers are to go, and how many shall be
// there: as many as it names, or after an interrupted roll, when old and new ones
// ran side by side, the number before a colon: "backend@2:3fae12d0c1b2,...".
type unit struct {
	service string
	old     []string // short ids, sorted
	count   int
}

// unitOf names a service by its running containers. Containers of one roll have
// the same configuration, so the largest such group is the number wanted.
func unitOf(service string, containers []compose.Container) unit {
	u := unit{service: service}
	groups := map[string]int{}
	for _, c := range containers {
		if c.Running() || c.Status == "restarting" || c.Status == "paused" {
			u.old = append(u.old, compose.Short(c.ID))
			groups[c.ConfigHash]++
			u.count = max(u.count, groups[c.ConfigHash])
		}
	}
	slices.Sort(u.old)
	return u
}

func (u unit) String() string {
	switch {
	case len(u.old) == 0:
		return u.service
	case u.count == len(u.old):
		return u.service + "@" + strings.Join(u.old, ",")
	}
	return u.service + "@" + strconv.Itoa(u.count) + ":" + strings.Join(u.old, ",")
}

// has says whether c was there when the units were journalled.
func (u unit) has(c compose.Container) bool {
	return slices.Contains(u.old, compose.Short(c.ID))
}

var shortID = regexp.MustCompile(`^[0-9a-f]{12}$`)

// parseUnit is the inverse of String.
func parseUnit(text string) (unit, error) {
	service, ids, found := strings.Cut(text, "@")
	u := unit{service: service}
	if found {
		count, rest, counted := strings.Cut(ids, ":")
		if counted {
			u.count, _ = strconv.Atoi(count)
			ids = rest
		}
		u.old = strings.Split(ids, ",")
		if !counted {
			u.count = len(u.old)
		}
	}
	ok := serviceName.MatchString(service) && u.String() == text
	for _, id := range u.old {
		ok = ok && shortID.MatchString(id)
	}
	if !ok || found && (u.count < 1 || u.count > len(u.old)) {
		return unit{}, fault.New(fault.BadConfig, "compose: no unit %.80q", text)
	}
	return u, nil
}
