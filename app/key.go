package app

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// largestKey is far above what Keyset.Encode writes.
const largestKey = 64 << 10

// openKey reads the installation's key: ROTOR_KEY_FILE, systemd's credential
// rotor-key, or STATE/key, which the first use makes.
func openKey(state string) (*secret.Keyset, error) {
	if path := os.Getenv("ROTOR_KEY_FILE"); path != "" {
		return readKey(path)
	}
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		path := filepath.Join(dir, "rotor-key")
		if _, err := os.Stat(path); err == nil {
			return readKey(path)
		}
	}
	path := filepath.Join(state, "key")
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		if err := makeKey(path); err != nil {
			return nil, err
		}
	}
	return readKey(path)
}

func readKey(path string) (*secret.Keyset, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &fault.Error{Kind: fault.BadConfig, Op: "key: read", Err: err,
			Hint: "restore it from its own backup; the state without its key cannot be read"}
	}
	defer f.Close()
	at, err := f.Stat()
	if err != nil {
		return nil, fault.Wrap(fault.BadConfig, "key: read", err)
	}
	if !at.Mode().IsRegular() || at.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.BadConfig, "key: others can read %s (%v)", path, at.Mode().Perm()).
			WithHint("chmod 600 %s, and think about who may have read it", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, largestKey))
	if err != nil {
		return nil, fault.Wrap(fault.BadConfig, "key: read", err)
	}
	defer clear(text)
	return secret.DecodeKeyset(secret.New(string(text)))
}

// makeKey makes a key for a state that is not there yet. Of two processes that
// do so at once one wins, and the other reads what the winner wrote.
func makeKey(path string) error {
	state := filepath.Join(filepath.Dir(path), "state.db")
	if _, err := os.Lstat(state); err == nil {
		return fault.New(fault.BadConfig, "key: %s is missing, but there is a state that was sealed with it", path).
			WithHint("restore the key from its own backup; the state without its key cannot be read")
	}
	keys, err := secret.NewKeyset()
	if err != nil {
		return err
	}
	text, err := keys.Encode()
	if err != nil {
		return err
	}
	if err := writeOnce(path, text); err != nil && !errors.Is(err, os.ErrExist) {
		return fault.Wrap(fault.Denied, "key: write", err)
	}
	return nil
}

// writeOnce makes a file that nobody else can read, whole or not at all; an
// existing one is os.ErrExist.
func writeOnce(path string, text secret.Value) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text.Reveal()) // the one place besides recover where a key or value is written to a plain file
	if err == nil {
		err = f.Sync()
	}
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil { // unlike rename never replaces
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
