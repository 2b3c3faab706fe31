package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/agenticverz/rotor/app"
)

// Version is set by the build; else the module's own is shown.
var Version = ""

type versionItem struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (s *shell) versionCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Say which rotor this is",
		Example: "  rotor version -o json",
		Args:    names(0, 0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			it := versionItem{Version: Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
			if b, ok := debug.ReadBuildInfo(); ok {
				if it.Version == "" {
					it.Version = b.Main.Version
				}
				for _, set := range b.Settings {
					switch set.Key {
					case "vcs.revision":
						it.Revision = set.Value
					case "vcs.modified":
						it.Modified = set.Value == "true"
					}
				}
			}
			return emit(s, "Version", []versionItem{it}, func() {
				s.say("rotor %s (%s, %s)\n", it.Version, it.Go, it.Platform)
			})
		},
	}
}

func (s *shell) completionCmd() *cobra.Command {
	return &cobra.Command{
		Use:       "completion bash|zsh|fish|powershell",
		Short:     "Print a completion script",
		Example:   "  source <(rotor completion bash)",
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args:      names(1, 1, "name one shell: bash, zsh, fish or powershell"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return cmd.Root().GenBashCompletionV2(s.out, true)
			case "zsh":
				return cmd.Root().GenZshCompletion(s.out)
			case "fish":
				return cmd.Root().GenFishCompletion(s.out, true)
			case "powershell":
				return cmd.Root().GenPowerShellCompletionWithDesc(s.out)
			}
			return usage("no completion for %q", args[0]).WithHint("bash, zsh, fish or powershell")
		},
	}
}

// completeNames offers the credentials of rotor.yaml.
func (s *shell) completeNames(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	c, _, err := app.Load(app.Options{ConfigPath: s.config})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, one := range c.Credentials {
		out = append(out, one.Name)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
