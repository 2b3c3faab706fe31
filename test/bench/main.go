// Command bench measures Rotor against floors in the same run and writes
// bench/results.json. Run it with `make bench`.
//
// What surprises: nearly everything is a ratio. Absolute figures say more about
// the machine than about Rotor; a ratio to a raw loop in the same run holds.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
)

// figure is one line of results.json.
type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Goal  string  `json:"goal"`
	Met   bool    `json:"met"`
}

// atMost is a figure with an upper goal.
func atMost(name string, value float64, unit string, goal float64) figure {
	return figure{name, value, unit, fmt.Sprintf("<= %g", goal), value <= goal}
}

func main() {
	rotor := flag.String("rotor", "bin/rotor", "the binary to measure")
	out := flag.String("out", "bench/results.json", "where the figures go")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *rotor, *out); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rotor, out string) error {
	var all []figure
	for _, part := range []func(context.Context, string) ([]figure, error){journalFloor, postgresFloor, pgbouncer, runbookScript, binary} {
		figures, err := part(ctx, rotor)
		if err != nil {
			return err
		}
		for _, f := range figures {
			mark := "met"
			if !f.Met {
				mark = "MISSED"
			}
			fmt.Printf("%-36s %12.3f %-10s goal %-10s %s\n", f.Name, f.Value, f.Unit, f.Goal, mark)
		}
		all = append(all, figures...)
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(text, '\n'), 0o644)
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
