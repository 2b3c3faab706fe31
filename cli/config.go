package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/config"
	"github.com/agenticverz/rotor/fault"
)

func (s *shell) configCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "View, validate and trust rotor.yaml",
		Example: `  rotor config validate    every mistake at once
  rotor config view        what is in force, defaults filled in
  rotor config trust       look at what it would do, and allow it`,
		Args: s.unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(s.configViewCmd(), s.configValidateCmd(), s.configSchemaCmd(), s.configTrustCmd())
	return cmd
}

func (s *shell) load() (*config.Config, config.Found, error) {
	return app.Load(app.Options{ConfigPath: s.config})
}

func (s *shell) configViewCmd() *cobra.Command {
	var origin bool
	cmd := &cobra.Command{
		Use:     "view",
		Short:   "Show the configuration in force",
		Example: "  rotor config view --origin    with the line that each came from",
		Args:    names(0, 0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			c, _, err := s.load()
			if err != nil {
				return err
			}
			text, err := config.View(c, origin)
			if err != nil {
				return fault.Wrap(fault.BadConfig, "config view", err)
			}
			s.say("%s", text)
			return nil
		},
	}
	cmd.Flags().BoolVar(&origin, "origin", false, "say where each line came from")
	return cmd
}

func (s *shell) configValidateCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "validate",
		Short:   "Find every mistake",
		Example: "  rotor config validate -o json    mistakes with file, line and column",
		Args:    names(0, 0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			c, _, err := s.load()
			if err == nil {
				err = app.Mistakes(c)
			}
			var list *config.Errors
			if errors.As(err, &list) && s.output != "table" {
				if err := emit(s, "Problem", list.Problems, nil); err != nil {
					return err
				}
				return exitCode(exitUsage)
			}
			if err != nil {
				return err
			}
			return emit(s, "Problem", c.Warnings, func() {
				for _, p := range c.Warnings {
					s.tell("rotor: %s %s\n", s.paint(yellow, "warning:"), p)
				}
				s.tell("%s is valid: %s, %s, %s, %s.\n", c.File, plural(len(c.Credentials), "credential"),
					plural(len(c.Stores), "store"), plural(len(c.Consumers), "consumer"), plural(len(c.Checks), "check"))
			})
		},
	}
}

func (s *shell) configSchemaCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of rotor.yaml, for editors",
		Example: "  rotor config schema > rotor.schema.json",
		Args:    names(0, 0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			text, err := config.Schema(app.Kinds())
			if err != nil {
				return fault.Wrap(fault.BadConfig, "config schema", err)
			}
			s.say("%s\n", text)
			return nil
		},
	}
}

func (s *shell) configTrustCmd() *cobra.Command {
	var yes, remove bool
	cmd := &cobra.Command{
		Use:   "trust",
		Short: "Allow the rotor.yaml found here to be acted on",
		Long: `A rotor.yaml that is met by walking upward decides where secrets go and what is
run, so it is acted on only once somebody has looked at that. A changed file is
asked about again. A file named by --config or ROTOR_CONFIG is trusted.`,
		Example: "  rotor config trust          look, then say yes\n  rotor config trust --yes    from a script that has checked the file",
		Args:    names(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := s.open(cmd.Context(), app.Options{})
			if err != nil {
				return err
			}
			defer a.Close()
			if remove {
				return a.Trusts().Remove(a.Config().File)
			}
			return s.trust(cmd.Context(), a, yes)
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&remove, "remove", false, "forget that it was trusted")
	return cmd
}
