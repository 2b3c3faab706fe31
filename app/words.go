package app

import (
	"log/slog"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/runner"
	"github.com/agenticverz/rotor/runner/local"
)

// What a front end needs of the rooms, so that it imports app alone.
type (
	Request   = engine.Request
	Report    = runner.Report
	Inline    = runner.Inline
	HeldError = runner.HeldError
	Loop      = local.Loop
	Field     = provider.Field
)

// Serving is the loop of `rotor serve`: it starts what the policy wants and goes
// on with whatever waits. remember says that it may spread a fleet that was never
// rotated over a day, which one call of Once must not.
func (a *App) Serving(workers int, log *slog.Logger, remember bool) *Loop {
	schedule := a.Schedule
	if remember {
		schedule = a.ServeSchedule
	}
	return local.New(local.Options{Inline: *a.Inline(), Schedule: schedule, Workers: workers, Log: log})
}
