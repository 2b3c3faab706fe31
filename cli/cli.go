// Package cli is the command line: one file for each command, flags, output and
// words for people. What it shows it gets from package app.
//
// What surprises: no flag and no argument takes a secret. Whoever passes one is
// told why not, and the value is not repeated.
package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/config"
	"github.com/agenticverz/rotor/fault"
)

// Main runs one command and returns the exit code: see exit.go.
func Main(ctx context.Context, args []string) int {
	s := &shell{in: os.Stdin, out: os.Stdout, err: os.Stderr,
		inTTY: isTTY(os.Stdin), outTTY: isTTY(os.Stdout), errTTY: isTTY(os.Stderr)}
	root := s.root()
	root.SetArgs(args)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	err := root.ExecuteContext(ctx)
	s.complain(err)
	return code(ctx, err)
}

// shell is one invocation: its streams and what is common to all commands.
type shell struct {
	in       io.Reader
	out, err io.Writer

	inTTY, outTTY, errTTY bool

	config, state, output, color, progress string
	noInput, yes                           bool
}

func isTTY(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

func (s *shell) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "rotor",
		Short: "Rotate secrets: nothing lost, nothing down, nothing leaked",
		Long:  "Rotor rotates the credentials of rotor.yaml: new value, proof, stores, consumers, proof, and the old value's end.",
		Example: `  rotor init                  write a rotor.yaml for what is here
  rotor plan                  what is due, and what would happen
  rotor rotate api-token      rotate one credential
  rotor status                how everything stands`,
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Args:              s.unknownCommand,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) error { return s.checkFlags() },
	}
	f := root.PersistentFlags()
	f.StringVar(&s.config, "config", "", "configuration `FILE` (default: ROTOR_CONFIG, then rotor.yaml here or above)")
	f.StringVar(&s.state, "state", "", "state `DIR`ectory (default: ROTOR_STATE, /var/lib/rotor for root, ~/.local/state/rotor)")
	f.StringVarP(&s.output, "output", "o", getenv("ROTOR_OUTPUT", "table"), "`FORMAT` of data: table, json, yaml, jsonl")
	f.StringVar(&s.color, "color", "auto", "auto, always or never (also NO_COLOR, CLICOLOR_FORCE)")
	f.StringVar(&s.progress, "progress", "auto", "auto, tty, plain or json")
	f.BoolVar(&s.noInput, "no-input", false, "never ask; fail instead")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%s", err).WithHint("%s --help", cmd.CommandPath())
	})
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpTemplate(helpTemplate)
	root.AddGroup(&cobra.Group{ID: "work", Title: "Rotating:"}, &cobra.Group{ID: "look", Title: "Looking:"}, &cobra.Group{ID: "set", Title: "Setting up:"})
	s.group(root, "work", s.rotateCmd(), s.adoptCmd(), s.resumeCmd(), s.rollbackCmd(), s.abandonCmd(), s.setCmd(), s.serveCmd())
	s.group(root, "look", s.planCmd(), s.statusCmd(), s.auditCmd(), s.recoverCmd())
	s.group(root, "set", s.initCmd(), s.demoCmd(), s.configCmd(), s.providersCmd(), s.completionCmd(), s.versionCmd())
	root.AddCommand(exitCodesTopic())
	return root
}

func (s *shell) group(root *cobra.Command, id string, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = id
		root.AddCommand(c)
	}
}

func getenv(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func (s *shell) checkFlags() error {
	if !oneOf(s.output, "table", "json", "yaml", "jsonl") {
		return usage("-o %s: no such format", s.output).WithHint("table, json, yaml or jsonl")
	}
	if !oneOf(s.color, "auto", "always", "never") {
		return usage("--color %s", s.color).WithHint("auto, always or never")
	}
	if !oneOf(s.progress, "auto", "tty", "plain", "json") {
		return usage("--progress %s", s.progress).WithHint("auto, tty, plain or json")
	}
	return nil
}

func oneOf(word string, words ...string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}

// usage is the mistake of whoever typed the command.
func usage(text string, args ...any) *fault.Error { return fault.New(fault.BadConfig, text, args...) }

func (s *shell) unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	err := usage("there is no command %q", args[0])
	if near := app.Nearest(args[0], names); near != "" {
		return err.WithHint("did you mean rotor %s?", near)
	}
	return err.WithHint("rotor help lists them")
}

// names wants at least min arguments and at most max (<0: any number).
func names(min, max int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < min || max >= 0 && len(args) > max {
			return usage("%s: %s", cmd.CommandPath(), what).WithHint("%s --help", cmd.CommandPath())
		}
		return nil
	}
}

// complain writes an error: what, why, how to go on.
func (s *shell) complain(err error) {
	var silent exitCode
	if err == nil || errors.As(err, &silent) {
		return
	}
	if errors.Is(err, context.Canceled) {
		s.tell("rotor: stopped\n")
		return
	}
	var list *config.Errors
	if errors.As(err, &list) {
		s.tell("rotor: %s %s\n\n%s", s.paint(red, "error:"), mistakes(len(list.Problems)), config.Explain(err))
		return
	}
	s.tell("rotor: %s %s\n", s.paint(red, "error:"), strings.TrimSpace(err.Error()))
	if hint := hintOf(err); hint != "" {
		s.tell("rotor: %s %s\n", s.paint(yellow, "hint:"), hint)
	}
}

func mistakes(n int) string {
	if n == 1 {
		return "the configuration has a mistake"
	}
	return "the configuration has " + plural(n, "mistake")
}

func hintOf(err error) string {
	var untrusted *app.UntrustedError
	if errors.As(err, &untrusted) {
		return "look at what it would do, then allow it: rotor config trust"
	}
	return fault.HintOf(err)
}

// open opens the installation with this invocation's flags.
func (s *shell) open(ctx context.Context, o app.Options) (*app.App, error) {
	o.ConfigPath, o.StateDir = s.config, s.state
	return app.New(ctx, o)
}

const usageTemplate = `Usage: {{if .Runnable}}{{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}{{if .Runnable}}
       {{end}}{{.CommandPath}} COMMAND{{end}}
{{if .HasAvailableSubCommands}}{{$cmds := .Commands}}{{if .Groups}}{{range $g := .Groups}}
{{$g.Title}}
{{range $cmds}}{{if and (eq .GroupID $g.ID) .IsAvailableCommand}}  {{rpad .Name .NamePadding}} {{.Short}}
{{end}}{{end}}{{end}}{{else}}
Commands:
{{range $cmds}}{{if .IsAvailableCommand}}  {{rpad .Name .NamePadding}} {{.Short}}
{{end}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}
Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{end}}{{if .HasAvailableInheritedFlags}}
Global flags:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}
{{end}}{{if not .HasParent}}
rotor help COMMAND shows more; rotor help exit-codes lists the exit codes.
{{end}}`

const helpTemplate = `{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}{{if .HasExample}}Examples:
{{.Example | trimTrailingWhitespaces}}

{{end}}{{if or .Runnable .HasSubCommands}}{{.UsageString}}{{end}}`
