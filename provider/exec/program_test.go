package exec_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The program that this binary plays: an issuer whose values are files, which can
// everything that the protocol has.

type object = map[string]any

// kept is one value.
type kept struct {
	Label   string            `json:"label"`
	Slot    string            `json:"slot"`
	Values  map[string]string `json:"values"`
	Created time.Time         `json:"created"`
	Ends    time.Time         `json:"ends"` // by itself; zero: never
}

type asked struct {
	Version int
	Method  string
	Secrets map[string]string
	Step    string
	Prefix  string
	Values  map[string]string
	Handle  struct{ ID, Slot string }
	Value   struct {
		Handle struct{ ID, Slot string }
		Values map[string]string
	}
	Request struct {
		Label   string
		Current struct{ ID, Slot string }
		Values  map[string]string
		Old     map[string]string
	}
}

// issuer is the program's own world.
type issuer struct {
	dir   string
	kind  kind
	asked asked
}

func program(dir string) int {
	i := issuer{dir: dir}
	text, err := os.ReadFile(filepath.Join(dir, "kind"))
	if err == nil {
		err = json.Unmarshal(text, &i.kind)
	}
	if err == nil {
		err = json.NewDecoder(os.Stdin).Decode(&i.asked)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	answer := i.answer()
	_ = json.NewEncoder(os.Stdout).Encode(answer)
	return 0
}

func failure(kind, message string) object {
	return object{"error": object{"kind": kind, "message": message}}
}

func (i issuer) answer() object {
	if i.asked.Method == "traits" {
		return i.kind.Traits
	}
	if i.asked.Method != "instructions" && i.asked.Secrets["admin"] != admin {
		return failure("denied", "the admin key is refused")
	}
	switch i.asked.Method {
	case "make":
		return object{"values": i.fresh()}
	case "issue":
		return i.issue()
	case "reveal", "usage", "revoke":
		return i.byHandle()
	case "verify", "probe", "identify", "revoke-value":
		return i.byValue()
	case "find", "list":
		return i.find()
	case "preflight":
		return object{"ok": true}
	case "notes":
		return object{"notes": []string{"a branch has this password too"}}
	case "instructions":
		return object{"text": "For " + i.asked.Step + ":\nopen the console."}
	case "now":
		return object{"now": i.now()}
	}
	return failure("bad-config", "no such method")
}

// now is the issuer's clock.
func (i issuer) now() time.Time {
	text, _ := os.ReadFile(filepath.Join(i.dir, "ahead"))
	ahead, _ := time.ParseDuration(string(text))
	return time.Now().Add(ahead)
}

// fresh is a value with all fields.
func (i issuer) fresh() map[string]string {
	out := map[string]string{"value": rand.Text() + rand.Text()}
	if i.kind.Named {
		out["username"] = i.turn()
	}
	return out
}

// turn is the slot of the next value where two take turns.
func (i issuer) turn() string {
	if i.asked.Request.Current.Slot == "app_a" {
		return "app_b"
	}
	return "app_a"
}

func (i issuer) file(id string) string { return filepath.Join(i.dir, "values", id) }

func idOf(values map[string]string) string {
	sum := sha256.Sum256([]byte(values["value"]))
	return "id-" + hex.EncodeToString(sum[:8])
}

func (i issuer) all() map[string]kept {
	out := map[string]kept{}
	ids, _ := files(filepath.Join(i.dir, "values"))
	for _, id := range ids {
		var k kept
		text, _ := os.ReadFile(i.file(id))
		if json.Unmarshal(text, &k) == nil && (k.Ends.IsZero() || i.now().Before(k.Ends)) {
			out[id] = k
		}
	}
	return out
}

func (i issuer) put(k kept) string {
	id := idOf(k.Values)
	text, _ := json.Marshal(k)
	_ = os.WriteFile(filepath.Join(i.dir, "new"), text, 0o600)
	_ = os.Rename(filepath.Join(i.dir, "new"), i.file(id))
	return id
}

func (i issuer) issue() object {
	values := i.asked.Request.Values
	if values == nil {
		values = i.fresh()
	}
	k := kept{Label: i.asked.Request.Label, Values: values, Created: i.now()}
	if i.kind.Slots {
		k.Slot = values["username"]
	}
	id := i.put(k)
	for other, old := range i.all() {
		if other != id && (i.kind.InPlace || i.kind.Slots && old.Slot == k.Slot) {
			_ = os.Remove(i.file(other))
		}
		if other != id && i.kind.Lingers > 0 && old.Ends.IsZero() {
			old.Ends = k.Created.Add(i.kind.Lingers)
			i.put(old)
		}
	}
	answer := object{"handle": object{"id": id, "slot": k.Slot}, "created": k.Created}
	if i.asked.Request.Values == nil {
		answer["values"] = values
	}
	return answer
}

func (i issuer) byHandle() object {
	id := i.asked.Handle.ID
	all := i.all()
	for one, k := range all {
		if id == "" && k.Ends.IsZero() {
			id = one // the one there is, but for those that were replaced
		}
	}
	k, there := all[id]
	switch {
	case i.asked.Method == "revoke":
		_ = os.Remove(i.file(id))
		return object{"ok": true}
	case !there && i.asked.Method == "usage":
		return object{"known": false}
	case !there:
		return failure("rejected", "no such value")
	case i.asked.Method == "usage":
		return object{"known": true, "active": 1, "sessions": []object{{"id": "7", "who": "10.0.0.1"}}}
	}
	return object{"handle": object{"id": id, "slot": k.Slot}, "values": k.Values, "created": k.Created}
}

func (i issuer) byValue() object {
	values := i.asked.Value.Values
	if i.asked.Method == "identify" {
		values = i.asked.Values
	}
	id := idOf(values)
	k, alive := i.all()[id]
	handle := i.asked.Value.Handle.ID
	switch {
	case i.asked.Method == "probe" && len(values) == 0:
		return object{"liveness": "unknown"}
	case i.asked.Method == "probe" && alive:
		return object{"liveness": "alive"}
	case i.asked.Method == "probe":
		return object{"liveness": "dead"}
	case i.asked.Method == "revoke-value":
		_ = os.Remove(i.file(id))
		return object{"ok": true}
	case !alive, handle != "" && handle != id:
		return failure("rejected", "it does not work, or is another one")
	case i.asked.Method == "identify":
		return object{"handle": object{"id": id, "slot": k.Slot}}
	}
	return object{"ok": true}
}

func (i issuer) find() object {
	out := []object{}
	for id, k := range i.all() {
		if i.kind.Nameless {
			k.Label = ""
		}
		out = append(out, object{"handle": object{"id": id, "slot": k.Slot}, "label": k.Label, "created": k.Created})
	}
	return object{"found": out} // all of them: Rotor looks at the labels
}
