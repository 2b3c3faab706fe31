package cli

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

func (s *shell) recoverCmd() *cobra.Command {
	var out string
	generation := -1
	cmd := &cobra.Command{
		Use:   "recover NAME --out FILE",
		Short: "Write a sealed value to a file, when its store is gone",
		Long: `Opens a value that the state keeps sealed and writes it to a new file that only you
can read. The audit has it first. A value of one field is written as it is, one
of several fields as a JSON object.`,
		Example: `  rotor recover database --out /dev/shm/database                the current one
  rotor recover database --generation 3 --out /dev/shm/old      an earlier one`,
		Args:              names(1, 1, "name one credential"),
		ValidArgsFunction: s.completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" || out == "-" {
				return usage("rotor recover: say where to with --out FILE").WithHint("a value is not written to the terminal or a pipe; /dev/shm is no disk")
			}
			return s.recover(cmd.Context(), args[0], generation, out)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "a new `FILE`; one that exists is never overwritten")
	cmd.Flags().IntVar(&generation, "generation", -1, "which `GENERATION`; without it the current one")
	return cmd
}

func (s *shell) recover(ctx context.Context, name string, generation int, out string) error {
	a, err := s.open(ctx, app.Options{WithConfig: app.Optional})
	if err != nil {
		return err
	}
	defer a.Close()
	path, err := filepath.Abs(out)
	if err != nil {
		return fault.Wrap(fault.BadConfig, "recover", err)
	}
	one, err := s.find(ctx, a, name)
	if err != nil {
		return err
	}
	// the file first: no value is opened for a place that cannot take it
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fault.Wrap(fault.BadConfig, "recover", err)
	}
	g, values, err := a.Recover(ctx, one.Name, generation, path)
	if err == nil {
		err = writeValue(f, values)
	}
	if err2 := f.Close(); err == nil {
		err = fault.Wrap(fault.Transient, "recover", err2)
	}
	if err != nil {
		_ = os.Remove(path) // it is ours, and holds nothing whole
		return err
	}
	s.recovered(path, one.Name, g)
	return nil
}

func (s *shell) recovered(path, name string, g rotation.Generation) {
	s.tell("%s: generation %d (%s, %s) of %s.\nRemove it when it is where it belongs: shred -u %s\n", path, g.N, g.Life, g.Fingerprint, name, path)
}

func writeValue(f *os.File, values secret.Set) error {
	var text []byte
	if len(values) == 1 {
		for _, v := range values {
			text = []byte(v.Reveal())
		}
	} else {
		plain := map[string]string{}
		for name, v := range values {
			plain[name] = v.Reveal()
		}
		var err error
		if text, err = json.MarshalIndent(plain, "", "  "); err != nil {
			return fault.New(fault.BadConfig, "recover: encode")
		}
		text = append(text, '\n')
	}
	defer clear(text)
	_, err := f.Write(text)
	return fault.Wrap(fault.Transient, "recover: write", err)
}
