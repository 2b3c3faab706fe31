package cli

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/agenticverz/rotor/internal/demo"
)

func (s *shell) demoCmd() *cobra.Command {
	var o demo.Options
	c := &cobra.Command{
		Use:   "demo",
		Short: "Watch Rotor change two secrets of a running system",
		Long: `Starts a private PostgreSQL and two instances of a service behind a balancer, puts
them under load, and rotates their database login and their token. Then the
runbook's own commands do the same to the same load. Everything is on this machine
and goes away at the end.`,
		Example: `  rotor demo            about half a minute
  rotor demo --crash    rotor is killed in the middle, twice, and goes on
  rotor demo --bad      a value that does not work is given, and rolled back`,
		Args: names(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			o.Out = s.out
			if o.Rotor, err = os.Executable(); err != nil {
				return err
			}
			return demo.Run(cmd.Context(), o)
		},
	}
	c.Flags().BoolVar(&o.Keep, "keep", false, "leave the folder behind")
	c.Flags().BoolVar(&o.Crash, "crash", false, "kill rotor in the middle, twice, and resume")
	c.Flags().BoolVar(&o.Bad, "bad", false, "give rotor a bad value as well")
	c.AddCommand(&cobra.Command{Use: "unit", Hidden: true, DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return exitCode(demo.Unit(cmd.Context(), args, s.err))
		}})
	return c
}
