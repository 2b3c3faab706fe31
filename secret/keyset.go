package secret

import (
	"bytes"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/agenticverz/rotor/fault"
)

// Keyset holds the installation's keys: one seals values at rest, one makes
// fingerprints, one keys the audit chain. Losing it loses every sealed value;
// it is backed up apart from the state.
type Keyset struct {
	seal        tink.AEAD
	fingerprint *prf.Set
	audit       *prf.Set
	handles     map[string]*keyset.Handle
}

// NewKeyset makes fresh keys (AES-256-GCM; HMAC-SHA-256).
func NewKeyset() (*Keyset, error) {
	handles := map[string]*keyset.Handle{}
	for _, name := range keyNames {
		template := prf.HMACSHA256PRFKeyTemplate()
		if name == "seal" {
			template = aead.AES256GCMKeyTemplate()
		}
		h, err := keyset.NewHandle(template)
		if err != nil {
			return nil, fault.Wrap(fault.BadConfig, "key: make", err)
		}
		handles[name] = h
	}
	return open(handles)
}

var keyNames = []string{"seal", "fingerprint", "audit"}

func open(handles map[string]*keyset.Handle) (*Keyset, error) {
	k := &Keyset{handles: handles}
	var err error
	if k.seal, err = aead.New(handles["seal"]); err != nil {
		return nil, fault.Wrap(fault.BadConfig, "key: seal", err)
	}
	if k.fingerprint, err = prf.NewPRFSet(handles["fingerprint"]); err != nil {
		return nil, fault.Wrap(fault.BadConfig, "key: fingerprint", err)
	}
	if k.audit, err = prf.NewPRFSet(handles["audit"]); err != nil {
		return nil, fault.Wrap(fault.BadConfig, "key: audit", err)
	}
	return k, nil
}

// Encode gives the text of the key file. It is the whole secret of an
// installation: write it 0600 and nowhere else.
func (k *Keyset) Encode() (Value, error) {
	file := map[string]json.RawMessage{}
	for name, h := range k.handles {
		var b bytes.Buffer
		if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&b)); err != nil {
			return Value{}, fault.Wrap(fault.BadConfig, "key: encode", err)
		}
		file[name] = b.Bytes()
	}
	text, err := json.MarshalIndent(file, "", " ")
	return New(string(text)), err
}

// DecodeKeyset reads what Encode wrote. Errors never repeat the text.
func DecodeKeyset(text Value) (*Keyset, error) {
	broken := fault.New(fault.BadConfig, "the key file is not one of Rotor's").WithHint("restore it from its own backup; the state without its key cannot be read")
	var file map[string]json.RawMessage
	if json.Unmarshal([]byte(text.Reveal()), &file) != nil {
		return nil, broken
	}
	handles := map[string]*keyset.Handle{}
	for _, name := range keyNames {
		h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(file[name])))
		if err != nil {
			return nil, broken
		}
		handles[name] = h
	}
	return open(handles)
}

// Place says what a sealed blob is; it is bound to it as associated data, so
// that a blob moved to another row does not open.
type Place struct {
	Credential string
	Generation int
	Slot       string // "values", "before:STORE:PATH", "input"
}

func (p Place) bytes() []byte {
	return fmt.Appendf(nil, "rotor/v1\x00%s\x00%d\x00%s", p.Credential, p.Generation, p.Slot)
}

type sealedField struct {
	Text   string `json:"t"`
	Public bool   `json:"p,omitempty"`
}

// Seal encrypts a set for the journal.
func (k *Keyset) Seal(s Set, at Place) ([]byte, error) {
	plain := make(map[string]sealedField, len(s))
	for name, v := range s {
		plain[name] = sealedField{v.Reveal(), v.public}
	}
	text, err := json.Marshal(plain)
	if err != nil {
		return nil, fault.New(fault.BadConfig, "seal: encode")
	}
	blob, err := k.seal.Encrypt(text, at.bytes())
	clear(text)
	return blob, fault.Wrap(fault.BadConfig, "seal", err)
}

// Open decrypts. A blob of another place, another key or with a changed bit is
// fault.NeedsPerson: nothing is guessed.
func (k *Keyset) Open(blob []byte, at Place) (Set, error) {
	text, err := k.seal.Decrypt(blob, at.bytes())
	if err != nil {
		return nil, fault.New(fault.NeedsPerson, "sealed value of %s, generation %d, does not open", at.Credential, at.Generation).
			WithHint("the state or its key was damaged or exchanged; restore both from a backup")
	}
	defer clear(text)
	var plain map[string]sealedField
	if json.Unmarshal(text, &plain) != nil {
		return nil, fault.New(fault.NeedsPerson, "sealed value of %s, generation %d, is not readable", at.Credential, at.Generation)
	}
	out := make(Set, len(plain))
	for name, f := range plain {
		v := New(f.Text)
		v.public = f.Public
		out[name] = v
	}
	return out, nil
}

// Fingerprint names a value in output: ten characters of a keyed hash, so that
// not even a weak value can be guessed from it.
func (k *Keyset) Fingerprint(v Value) string {
	sum, err := k.fingerprint.ComputePrimaryPRF([]byte(v.Reveal()), 16)
	if err != nil {
		return ""
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum))[:10]
}

// FingerprintSet names a whole value: its secret fields in order of their names.
func (k *Keyset) FingerprintSet(s Set) string {
	var b strings.Builder
	for _, name := range s.Names() {
		if v := s[name]; !v.public {
			b.WriteString(name + "\x00" + v.Reveal() + "\x00")
		}
	}
	return k.Fingerprint(New(b.String()))
}

// AuditMAC keys the audit chain.
func (k *Keyset) AuditMAC(message []byte) ([]byte, error) {
	return k.audit.ComputePrimaryPRF(message, 32)
}
