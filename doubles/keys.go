package doubles

import (
	"crypto/subtle"
	"time"
)

// Key is one value of an account.
type Key struct {
	ID, Name, Value string
	Life
	Used    time.Time // last time it was accepted; zero = never
	Expires time.Time // zero = never

	flap   time.Duration // see Keys.Flap
	absent time.Time     // not known everywhere until then
}

// Expired says whether its time is over.
func (k *Key) Expired(now time.Time) bool { return !k.Expires.IsZero() && !now.Before(k.Expires) }

// Keys are the values of one account, oldest first. They are guarded by the lock of
// the double that they belong to.
type Keys struct {
	Clock *Clock
	Delay Delay
	// Flap is for how long the next keys are refused after the first use that went
	// well: one front end of the vendor knows them before the others do.
	Flap time.Duration

	all []*Key
}

// Add brings a value to life, now if it is not Born already. Names need not be unique; that is for the vendor to say.
func (k *Keys) Add(key Key) *Key {
	if key.Born.IsZero() {
		key.Born = k.Clock.Now()
	}
	key.flap = k.Flap
	k.all = append(k.all, &key)
	return &key
}

// Use is a request that presents a value: the key, or nil if it is refused now.
func (k *Keys) Use(value string) *Key {
	now := k.Clock.Now()
	for _, key := range k.all {
		if value == "" || subtle.ConstantTimeCompare([]byte(key.Value), []byte(value)) != 1 {
			continue
		}
		if !key.Works(now, k.Delay) || key.Expired(now) {
			return nil
		}
		if now.Before(key.absent) {
			return nil
		}
		if key.Used.IsZero() {
			key.absent = now.Add(key.flap)
		}
		key.Used = now
		return key
	}
	return nil
}

// Peek is Use without being one: whether a value is known, and as what.
func (k *Keys) Peek(value string) *Key {
	for _, key := range k.all {
		if value != "" && key.Value == value {
			return key
		}
	}
	return nil
}

// Known finds a key by its id, whether it still lives or not.
func (k *Keys) Known(id string) *Key {
	for _, key := range k.all {
		if key.ID == id {
			return key
		}
	}
	return nil
}

// Get finds a key that the API lists.
func (k *Keys) Get(id string) *Key {
	for _, key := range k.all {
		if key.ID == id && key.Listed() {
			return key
		}
	}
	return nil
}

// Listed gives the keys that the API lists, oldest first.
func (k *Keys) Listed() []*Key {
	var out []*Key
	for _, key := range k.all {
		if key.Listed() {
			out = append(out, key)
		}
	}
	return out
}

// End revokes a key; false if there is none.
func (k *Keys) End(id string) bool {
	key := k.Get(id)
	if key == nil {
		return false
	}
	key.Died = k.Clock.Now()
	return true
}

// After gives the page of keys behind the one with that id ("" = from the start), and
// whether there are more.
func After(all []*Key, id string, limit int) (page []*Key, more bool) {
	if id != "" {
		for i, key := range all {
			if key.ID == id {
				all = all[i+1:]
				break
			}
		}
	}
	if len(all) > limit {
		return all[:limit], true
	}
	return all, false
}

// FlapFor is how long a flapping key is refused.
const FlapFor = 5 * time.Second
