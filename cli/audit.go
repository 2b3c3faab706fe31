package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/fault"
)

func (s *shell) auditCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "List, verify and export who did what",
		Example: `  rotor audit list                  the newest entries
  rotor audit verify                no entry was changed, removed or swapped
  rotor audit export > audit.jsonl  all of it, one entry a line`,
		Args: s.unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(s.auditListCmd(), s.auditVerifyCmd(), s.auditExportCmd())
	return cmd
}

// withState runs a command that needs no rotor.yaml.
func (s *shell) withState(ctx context.Context, do func(*app.App) error) error {
	a, err := s.open(ctx, app.Options{WithConfig: app.NotAtAll})
	if err != nil {
		return err
	}
	defer a.Close()
	return do(a)
}

func (s *shell) auditListCmd() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:               "list [NAME]",
		Short:             "Show the newest entries, of one credential or all",
		Example:           "  rotor audit list database --limit 100",
		Args:              names(0, 1, "one name at most"),
		ValidArgsFunction: s.completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.withState(cmd.Context(), func(a *app.App) error { return s.auditList(cmd.Context(), a, args, limit) })
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 30, "how many; 0 is all")
	return cmd
}

func (s *shell) auditList(ctx context.Context, a *app.App, args []string, limit int) error {
	var last []audit.Entry
	for e, err := range a.Journal.Audit(ctx, 1) {
		if err != nil {
			return err
		}
		if len(args) == 1 && e.Credential != args[0] {
			continue
		}
		last = append(last, e)
		if limit > 0 && len(last) > 2*limit {
			last = append(last[:0], last[len(last)-limit:]...)
		}
	}
	if limit > 0 && len(last) > limit {
		last = last[len(last)-limit:]
	}
	return emit(s, "AuditEntry", last, func() {
		rows := [][]string{{"SEQ", "AT", "WHO", "WHAT", "CREDENTIAL", "GENERATION", "OUTCOME", "NOTE"}}
		for _, e := range last {
			generation := "-"
			if e.Generation > 0 {
				generation = number(e.Generation)
			}
			what := e.Action
			if e.Part != "" {
				what += " " + e.Part
			}
			rows = append(rows, []string{strconv.FormatInt(e.Seq, 10), e.At.Local().Format("2006-01-02 15:04:05"), e.Actor, what,
				orDash(e.Credential), generation, orDash(e.Outcome), e.Note})
		}
		table(s.out, "", rows)
	})
}

func (s *shell) auditVerifyCmd() *cobra.Command {
	var heads []string
	var detailed bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Prove that no entry was changed, removed or swapped",
		Long: `Reads the whole chain with the installation's key. A tail that was cut off is only
found by comparing with a head kept elsewhere: --head.`,
		Example: "  rotor audit verify\n  rotor audit verify --head 812:9f31…    this head must lie on the chain",
		Args:    names(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.withState(cmd.Context(), func(a *app.App) error { return s.auditVerify(cmd.Context(), a, heads, detailed) })
		},
	}
	cmd.Flags().StringArrayVar(&heads, "head", nil, "a head kept elsewhere, `SEQ:MAC`; may be given several times")
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit 2, not 1, if the chain is broken")
	return cmd
}

type verifyItem struct {
	Intact bool       `json:"intact"`
	Head   audit.Head `json:"head"`
	Broken string     `json:"broken,omitempty"`
}

func (s *shell) auditVerify(ctx context.Context, a *app.App, texts []string, detailed bool) error {
	var heads []audit.Head
	for _, t := range texts {
		seq, mac, _ := strings.Cut(t, ":")
		n, err := strconv.ParseInt(seq, 10, 64)
		if err != nil || mac == "" {
			return usage("--head %q is not SEQ:MAC", t)
		}
		heads = append(heads, audit.Head{Seq: n, MAC: mac})
	}
	head, err := audit.Verify(a.Keys.AuditMAC, a.Journal.Audit(ctx, 1), heads...)
	var broken *audit.BrokenError
	if err != nil && !errors.As(err, &broken) {
		return err
	}
	it := verifyItem{Intact: broken == nil, Head: head}
	if broken != nil {
		it.Broken = broken.Error()
	}
	if err := emit(s, "AuditVerdict", []verifyItem{it}, func() { s.drawVerdict(it) }); err != nil {
		return err
	}
	switch {
	case broken == nil:
		return nil
	case detailed:
		return exitCode(exitFindings)
	}
	return fault.New(fault.Rejected, "the audit is not credible: %s", broken).
		WithHint("keep the state as it is; compare it with the exports and heads kept elsewhere")
}

func (s *shell) drawVerdict(it verifyItem) {
	if it.Intact {
		s.say("intact, %d entries, head %s\n", it.Head.Seq, it.Head)
		return
	}
	s.say("%s\n", s.tint(red, "broken: ")+it.Broken)
}

func (s *shell) auditExportCmd() *cobra.Command {
	var from int64
	cmd := &cobra.Command{
		Use:     "export",
		Short:   "Write the chain to stdout, one entry a line",
		Example: "  rotor audit export --from 813 >> audit.jsonl",
		Args:    names(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.withState(cmd.Context(), func(a *app.App) error {
				for e, err := range a.Journal.Audit(cmd.Context(), from) {
					if err != nil {
						return err
					}
					text, err := json.Marshal(e)
					if err != nil {
						return fault.Wrap(fault.BadConfig, "audit export", err)
					}
					if _, err := fmt.Fprintf(s.out, "%s\n", text); err != nil {
						return fault.Wrap(fault.Transient, "audit export", err)
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().Int64Var(&from, "from", 1, "the first `SEQ`uence number")
	return cmd
}
