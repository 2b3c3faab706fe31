package cli

import "testing"

// TestHintsAreTakenOff: what stands in parentheses at the end is a hint, unless it is a code.
func TestHintsAreTakenOff(t *testing.T) {
	for note, hint := range map[string]string{
		"it failed":                                       "",
		"it failed (try (again) later)":                   "try (again) later",
		"it failed (SQLSTATE 57014)":                      "",
		"it failed (SQLSTATE 42501) (see the grants)":     "see the grants",
		"the login is refused (WRONGPASS)":                "",
		"no contact (is this PgBouncer running from it?)": "is this PgBouncer running from it?",
	} {
		if _, got := splitHint(note); got != hint {
			t.Errorf("%s: %q", note, got)
		}
	}
}
