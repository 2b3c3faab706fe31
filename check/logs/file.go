package logs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/fault"
)

// fileSource reads a log file from its beginning, preceded by FILE.1 if that was
// written to since.
func fileSource(path string) check.Logs {
	return func(_ context.Context, since time.Time) (io.ReadCloser, error) {
		current, err := openLog(path)
		if err != nil {
			return nil, err
		}
		out := &files{Reader: current, all: []*os.File{current}}
		if info, err := os.Stat(path + ".1"); err == nil && !info.ModTime().Before(since) {
			rotated, err := openLog(path + ".1")
			if err != nil {
				_ = current.Close()
				return nil, err
			}
			out.Reader, out.all = io.MultiReader(rotated, current), append(out.all, rotated)
		}
		return out, nil
	}
}

// openLog refuses what is no file: opening a pipe would wait for a writer.
func openLog(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fault.New(fault.BadConfig, "not a file").WithHint("file: must name a log file")
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(path)
	}
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.BadConfig, "the file does not exist").WithHint("look at file: and at where the program logs")
	case errors.Is(err, fs.ErrPermission):
		return nil, fault.New(fault.Denied, "no permission to read the file").WithHint("let Rotor's user read it, for example by the group adm")
	}
	return nil, fault.New(fault.Transient, "the file cannot be opened")
}

type files struct {
	io.Reader
	all []*os.File
}

func (f *files) Close() error {
	for _, file := range f.all {
		_ = file.Close()
	}
	return nil
}
