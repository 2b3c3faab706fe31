package userlist

import (
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
)

// form is how PgBouncer reads a value.
type form string

const (
	none     form = ""
	password form = "a password"
	md5      form = "an MD5 hash"
	scram    form = "a SCRAM secret"
	broken   form = "a broken SCRAM secret" // PgBouncer takes it for a password
)

var md5Hash = regexp.MustCompile(`^md5[0-9a-f]{32}$`)

const scramPrefix = "SCRAM-SHA-256$"

func formOf(value string) form {
	switch {
	case value == "":
		return none
	case md5Hash.MatchString(value):
		return md5
	case !strings.HasPrefix(value, scramPrefix):
		return password
	case wholeSecret(strings.TrimPrefix(value, scramPrefix)):
		return scram
	}
	return broken
}

// wholeSecret reads ITERATIONS:SALT$STOREDKEY:SERVERKEY.
func wholeSecret(text string) bool {
	head, keys, _ := strings.Cut(text, "$")
	iterations, salt, _ := strings.Cut(head, ":")
	stored, server, _ := strings.Cut(keys, ":")
	if n, err := strconv.ParseInt(iterations, 10, 32); err != nil || n < 1 {
		return false
	}
	return decoded(salt) > 0 && decoded(stored) == 32 && decoded(server) == 32
}

func decoded(text string) int {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return -1
	}
	return len(raw)
}
