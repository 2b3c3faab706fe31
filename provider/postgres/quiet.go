package postgres

import (
	"context"
	"strconv"
	"strings"
)

// A statement's text, and with it the verifier, would end up in the server's log, in
// pg_stat_statements and for a moment in pg_stat_activity. Whoever may change these
// settings changes them for the one transaction. Each has its own reason:
var quiet = []struct{ name, value string }{
	{"log_statement", "none"},
	{"log_min_error_statement", "panic"}, // else a failing ALTER is logged with its text
	{"log_min_duration_statement", "-1"},
	{"log_min_duration_sample", "-1"},
	{"track_activities", "off"},
	{"pg_stat_statements.track_utility", "off"},
}

// learnQuiet finds out which of the settings we may change: a superuser all, others
// what was granted (PostgreSQL 15 and newer). For the rest the protection is that a
// verifier of a random password is of no use to its reader.
func (s *session) learnQuiet(ctx context.Context) error {
	allowed := s.super
	var rows [][]string
	if !s.super && s.version >= 15 {
		var asks []string
		for _, q := range quiet {
			asks = append(asks, "has_parameter_privilege('"+q.name+"', 'SET')::text")
		}
		var err error
		if rows, err = s.read(ctx, "SELECT "+strings.Join(asks, ", ")); err != nil {
			return err
		}
	}
	s.quiet = nil
	for i, q := range quiet {
		if allowed || len(rows) == 1 && rows[0][i] == "true" {
			s.quiet = append(s.quiet, "set_config('"+q.name+"', '"+q.value+"', true)")
		}
	}
	return s.noSampling(ctx)
}

// learnQuietAs is for a session of another login, whose powers are not known.
func (s *session) learnQuietAs(ctx context.Context) error {
	s.version, _ = strconv.Atoi(leadingDigits(s.conn.ParameterStatus("server_version")))
	rows, err := s.read(ctx, "SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user")
	if err != nil {
		return err
	}
	s.super = len(rows) == 1 && rows[0][0] == "true"
	return s.learnQuiet(ctx)
}

// noSampling: whether a whole transaction is logged (log_transaction_sample_rate) is
// decided when it begins, before any SET LOCAL. auto_explain would log the query that
// compares what was stored with what was sent, which only a superuser makes.
func (s *session) noSampling(ctx context.Context) error {
	if !s.super {
		return nil
	}
	_, err := s.read(ctx, "SELECT set_config('log_transaction_sample_rate', '0', false), set_config('auto_explain.log_min_duration', '-1', false)")
	return err
}

// hushed puts the settings before statements whose text is nobody's business.
func (s *session) hushed(statements ...statement) []statement {
	if len(s.quiet) == 0 {
		return statements
	}
	return append([]statement{{sql: "SELECT " + strings.Join(s.quiet, ", ")}}, statements...)
}
