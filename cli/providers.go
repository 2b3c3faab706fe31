package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/docs/reference"
)

func (s *shell) providersCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "providers [NAME]",
		Short: "List who can issue values, or show one's page",
		Example: `  rotor providers             all of them
  rotor providers postgres    which rights it needs, how it rotates, its limits`,
		Args: names(0, 1, "one name at most"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return app.Providers().Names(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				return s.provider(args[0])
			}
			return s.providers()
		},
	}
}

type providerItem struct {
	Name     string `json:"name"`
	Summary  string `json:"summary"`
	Evidence string `json:"evidence"` // what its tests run against
	Doc      string `json:"doc,omitempty"`
}

func (s *shell) providers() error {
	var items []providerItem
	for _, t := range app.Providers().All() {
		items = append(items, providerItem{Name: t.Name, Summary: t.Summary, Evidence: t.Evidence})
	}
	return emit(s, "Provider", items, func() {
		rows := [][]string{{"NAME", "TESTED AGAINST", "WHAT"}}
		for _, it := range items {
			rows = append(rows, []string{it.Name, it.Evidence, it.Summary})
		}
		table(s.out, "", rows)
	})
}

func (s *shell) provider(name string) error {
	t, ok := app.Providers().Get(name)
	if !ok {
		err := usage("there is no provider %q", name)
		if near := app.Nearest(name, app.Providers().Names()); near != "" {
			return err.WithHint("did you mean %s?", near)
		}
		return err.WithHint("rotor providers lists them")
	}
	it := providerItem{Name: t.Name, Summary: t.Summary, Evidence: t.Evidence, Doc: t.Doc}
	return emit(s, "Provider", []providerItem{it}, func() {
		page := reference.Provider(name)
		if page == "" { // one that was just added
			page = t.Summary + ". Tested against: " + t.Evidence + ".\n\n" + strings.TrimSpace(t.Doc)
		}
		s.say("%s\n", forTerminal(page))
	})
}

// forTerminal turns the table of options, which is too wide, into a list.
func forTerminal(page string) string {
	var out []string
	for _, line := range strings.Split(page, "\n") {
		cells := strings.Split(strings.Trim(line, "|"), " | ")
		switch {
		case strings.HasPrefix(line, "|---"), strings.HasPrefix(line, "| option |"):
		case strings.HasPrefix(line, "| `") && len(cells) >= 4:
			name, takes, otherwise := strings.Trim(cells[0], " `"), strings.TrimSpace(cells[1]), strings.Trim(cells[2], " *")
			if otherwise == "required" {
				takes += ", required"
			} else if otherwise != "" {
				takes += ", default " + otherwise
			}
			out = append(out, name+" ("+takes+")", "    "+strings.TrimSpace(strings.Join(cells[3:], " | ")))
		default:
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}
