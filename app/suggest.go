package app

import (
	"strings"

	"github.com/agenticverz/rotor/config"
	"github.com/agenticverz/rotor/fault"
)

func unknownCredential(c *config.Config, name string) error {
	var names []string
	for _, one := range c.Credentials {
		names = append(names, one.Name)
	}
	err := fault.New(fault.BadConfig, "there is no credential %q in %s", name, c.File)
	if near := Nearest(name, names); near != "" {
		return err.WithHint("did you mean %s?", near)
	}
	return err.WithHint("rotor status lists them")
}

// Nearest is the known word that was probably meant; "" if none is near.
func Nearest(word string, known []string) string {
	word = strings.ToLower(word)
	best, least := "", max(1, len(word)/3)+1
	for _, k := range known {
		low := strings.ToLower(k)
		d := distance(word, low)
		if len(word) >= 3 && strings.HasPrefix(low, word) {
			d = 1
		}
		if d < least {
			best, least = k, d
		}
	}
	return best
}

// distance counts insertions, deletions and replacements.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			before, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, before+cost)
		}
	}
	return row[len(b)]
}
