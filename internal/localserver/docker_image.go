package localserver

import (
	"archive/tar"
	"bytes"
	"context"
	"maps"
	"os"
	"slices"
)

// File is the content of one file of an image: Data, or if that is nil what is at Path.
type File struct {
	Path string
	Data []byte
}

// BuildImage builds and tags an image from a Dockerfile and the files that it copies, all
// of them executable. It pulls nothing, so the Dockerfile is FROM scratch (and has no RUN:
// scratch has no shell). It uses the old builder, for buildx is not everywhere.
func (d *Docker) BuildImage(ctx context.Context, name string, files map[string]File, dockerfile string) error {
	var archive bytes.Buffer
	if err := writeArchive(&archive, files, dockerfile); err != nil {
		return err
	}
	cmd := d.Command(ctx, "build", "--quiet", "--pull=false", "--tag", name, "-")
	cmd.Env = append(cmd.Env, "DOCKER_BUILDKIT=0")
	cmd.Stdin = &archive
	if _, err := d.output(cmd); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.images = append(d.images, name)
	return nil
}

// writeArchive makes the build context. The times are zero, so equal files give equal
// layers and the builder's cache works.
func writeArchive(archive *bytes.Buffer, files map[string]File, dockerfile string) error {
	files = maps.Clone(files)
	if files == nil {
		files = map[string]File{}
	}
	files["Dockerfile"] = File{Data: []byte(dockerfile)}
	w := tar.NewWriter(archive)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		data := files[name].Data
		if data == nil {
			var err error
			if data, err = os.ReadFile(files[name].Path); err != nil {
				return err
			}
		}
		header := &tar.Header{Name: name, Mode: 0o755, Size: int64(len(data)), Typeflag: tar.TypeReg}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return w.Close()
}
