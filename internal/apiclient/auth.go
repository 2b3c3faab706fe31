package apiclient

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// Auth puts a credential on a request, at the last moment. body is what will be
// sent, for schemes that sign it. Its errors mean that nothing was sent.
type Auth func(r *http.Request, body []byte) error

// Bearer sends what src gives as `Authorization: Bearer`.
func Bearer(src secret.Source) Auth { return Header("Authorization", "Bearer ", src) }

// Header sends what src gives in a header of that name, behind a prefix.
func Header(name, prefix string, src secret.Source) Auth {
	return func(r *http.Request, _ []byte) error {
		v, err := src(r.Context())
		if err != nil {
			return err
		}
		text := v.Reveal()
		if err := sendable(text); err != nil {
			return err
		}
		r.Header.Set(name, prefix+text)
		return nil
	}
}

// Basic sends user and what src gives as `Authorization: Basic`.
func Basic(user string, src secret.Source) Auth {
	return func(r *http.Request, _ []byte) error {
		v, err := src(r.Context())
		if err != nil {
			return err
		}
		text := v.Reveal()
		if err := sendable(text); err != nil {
			return err
		}
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+text)))
		return nil
	}
}

// sendable: a header takes no line breaks, and an empty credential is a mistake
// that the vendor would answer with a misleading "denied".
func sendable(text string) error {
	switch {
	case text == "":
		return fault.New(fault.BadConfig, "the credential is empty").WithHint("check what the option refers to")
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return fault.New(fault.BadConfig, "the credential holds a line break or another control character").
			WithHint("check what the option refers to; a file must hold the credential alone")
	}
	return nil
}

// Secret takes a secret out of an answer: a JSON string, or null for none. It
// prints as [redacted] like every Value.
type Secret struct{ secret.Value }

// UnmarshalJSON implements json.Unmarshaler.
func (s *Secret) UnmarshalJSON(text []byte) error {
	var plain string
	if err := json.Unmarshal(text, &plain); err != nil {
		return err
	}
	s.Value = secret.New(plain)
	return nil
}

// UnmarshalText implements encoding.TextUnmarshaler, for XML.
func (s *Secret) UnmarshalText(text []byte) error {
	s.Value = secret.New(string(text))
	return nil
}

// Plain puts a value into a request's body. Marshalling it as JSON gives the
// text; every other way of printing gives [redacted].
type Plain struct{ secret.Value }

// MarshalJSON implements json.Marshaler.
func (p Plain) MarshalJSON() ([]byte, error) { return json.Marshal(p.Reveal()) }
