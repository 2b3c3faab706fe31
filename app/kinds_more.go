package app

import (
	"github.com/agenticverz/rotor/check"
	checkexec "github.com/agenticverz/rotor/check/exec"
	checkhttp "github.com/agenticverz/rotor/check/http"
	checklogs "github.com/agenticverz/rotor/check/logs"
	"github.com/agenticverz/rotor/check/prometheus"
	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/consumer/compose"
	consumerexec "github.com/agenticverz/rotor/consumer/exec"
	"github.com/agenticverz/rotor/consumer/signal"
)

// Consumers: see Providers.
func Consumers() consumer.Registry {
	return consumer.NewRegistry(compose.Type(), consumerexec.Type(), signal.Type())
}

// Checks: see Providers.
func Checks() check.Registry {
	return check.NewRegistry(checkexec.Type(), checkhttp.Type(), checklogs.Type(), prometheus.Type())
}
