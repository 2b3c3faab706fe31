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
	only := flag.String("only", "", "measure this part alone, and leave the other figures as they are: journal, postgres, pgbouncer, script, saas or binary")
	out := flag.String("out", "bench/results.json", "where the figures go")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *rotor, *out, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// parts in the order of results.json.
var parts = []struct {
	name    string
	measure func(context.Context, string) ([]figure, error)
}{{"journal", journalFloor}, {"postgres", postgresFloor}, {"pgbouncer", pgbouncer}, {"script", runbookScript}, {"saas", saas}, {"binary", binary}}

func run(ctx context.Context, rotor, out, only string) error {
	var all []figure
	if only != "" {
		text, err := os.ReadFile(out)
		if err == nil {
			err = json.Unmarshal(text, &all)
		}
		if err != nil {
			return err
		}
	}
	for _, part := range parts {
		if only != "" && part.name != only {
			continue
		}
		figures, err := part.measure(ctx, rotor)
		if err != nil {
			return err
		}
		for _, f := range figures {
			mark := "met"
			if !f.Met {
				mark = "MISSED"
			}
			fmt.Printf("%-36s %12.3f %-10s goal %-10s %s\n", f.Name, f.Value, f.Unit, f.Goal, mark)
			all = put(all, f)
		}
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(text, '\n'), 0o644)
}

// put replaces the figure of that name, or adds it.
func put(all []figure, f figure) []figure {
	i := slices.IndexFunc(all, func(x figure) bool { return x.Name == f.Name })
	if i < 0 {
		return append(all, f)
	}
	all[i] = f
	return all
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
