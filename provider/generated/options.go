package generated

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"math"
	"regexp"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// Options of `provider: {type: generated}`.
type Options struct {
	// Bytes of randomness, 16 to 1024; default 32.
	Bytes int `yaml:"bytes,omitempty" json:"bytes,omitempty"`
	// Encoding of the random bytes: hex (default), base64 (padded), base64url
	// (unpadded), alnum (letters and digits, as many as hold that much randomness).
	Encoding string `yaml:"encoding,omitempty" json:"encoding,omitempty" jsonschema:"enum=hex,enum=base64,enum=base64url,enum=alnum"`
	// Prefix stands before the encoded bytes and is no secret, for example whsec_.
	Prefix string `yaml:"prefix,omitempty" json:"prefix,omitempty"`
}

const (
	defaultBytes = 32
	minBytes     = 16 // 128 bits: nothing that can be guessed
	maxBytes     = 1024
)

// prefixForm: what needs no quoting in a .env file, a URL, a header or a shell.
var prefixForm = regexp.MustCompile(`^[A-Za-z0-9_.-]{0,32}$`)

// validated fills in the defaults and refuses what cannot work.
func (o Options) validated() (Options, error) {
	if o.Bytes == 0 {
		o.Bytes = defaultBytes
	}
	if o.Encoding == "" {
		o.Encoding = "hex"
	}
	if o.Bytes < minBytes || o.Bytes > maxBytes {
		return o, fault.New(fault.BadConfig, "generated: bytes: %d", o.Bytes).
			WithHint("choose %d to %d bytes; %d is right for nearly everything", minBytes, maxBytes, defaultBytes)
	}
	if _, ok := codecs[o.Encoding]; !ok {
		return o, fault.New(fault.BadConfig, "generated: encoding: %q", o.Encoding).
			WithHint("choose hex, base64, base64url or alnum")
	}
	if !prefixForm.MatchString(o.Prefix) {
		return o, fault.New(fault.BadConfig, "generated: prefix: not usable everywhere").
			WithHint("use at most 32 letters, digits, dots, dashes and underscores")
	}
	return o, nil
}

// codec turns n random bytes into text and recognises such text.
type codec struct {
	encode func(random []byte) string
	fits   func(text string, n int) bool
}

var codecs = map[string]codec{
	"hex":       exact(hex.EncodeToString, hex.DecodeString),
	"base64":    exact(base64.StdEncoding.EncodeToString, base64.StdEncoding.DecodeString),
	"base64url": exact(base64.RawURLEncoding.EncodeToString, base64.RawURLEncoding.DecodeString),
	"alnum": {
		// not an encoding of given bytes: 62 does not divide 256
		func(random []byte) string { return secret.Random(alnumLength(len(random))).Reveal() },
		func(text string, n int) bool { return len(text) == alnumLength(n) && alnumForm.MatchString(text) },
	},
}

var alnumForm = regexp.MustCompile(`^[A-Za-z0-9]+$`)

// alnumLength is how many letters and digits hold n bytes of randomness.
func alnumLength(n int) int { return int(math.Ceil(float64(8*n) / math.Log2(62))) }

// exact recognises only what encode writes: Go's decoders also take line breaks
// inside base64 and capitals in hex.
func exact(encode func([]byte) string, decode func(string) ([]byte, error)) codec {
	return codec{encode, func(text string, n int) bool {
		b, err := decode(text)
		return err == nil && len(b) == n && encode(b) == text
	}}
}

// draw makes a fresh value.
func (o Options) draw() secret.Value {
	random := make([]byte, o.Bytes)
	_, _ = rand.Read(random) // never fails (Go 1.24)
	return secret.New(o.Prefix + codecs[o.Encoding].encode(random))
}

// fits says whether text, without its prefix, is what draw makes.
func (o Options) fits(text string) bool { return codecs[o.Encoding].fits(text, o.Bytes) }
