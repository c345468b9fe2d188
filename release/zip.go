package release

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/roost-iot/roost"
)

// Zip writes the files of a commit, or with cid "" of the working copy, as a zip.
func (r *Releases) Zip(ctx context.Context, p roost.ProjectID, id roost.AppID, cid string, w io.Writer) error {
	files, when, err := r.filesAt(ctx, p, id, cid)
	if err != nil {
		return err
	}
	z := zip.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := addToZip(z, name, when, []byte(files[name])); err != nil {
			return fmt.Errorf("write zip: %w", err)
		}
	}
	return z.Close()
}

func addToZip(z *zip.Writer, name string, when time.Time, content []byte) error {
	f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: when})
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return err
}

// filesAt gives the files of a commit or the working copy, and of when they are.
func (r *Releases) filesAt(ctx context.Context, p roost.ProjectID, id roost.AppID, cid string) (map[string]string, time.Time, error) {
	if cid != "" {
		c, err := r.Commit(ctx, p, id, cid)
		if err != nil {
			return nil, time.Time{}, err
		}
		files, err := r.filesOf(ctx, c)
		return files, c.At, err
	}
	working, err := r.Working(ctx, p, id)
	files := map[string]string{}
	var newest time.Time
	for _, f := range working {
		if f.State != Deleted {
			files[f.Name] = f.Content
		}
		if f.At.After(newest) {
			newest = f.At
		}
	}
	return files, newest, err
}

// Bounds of a zip that comes in.
const (
	maxZipEntries = 10_000 // folders and what is left out count too
	zipMessage    = "This is no zip that can be read: %s"
)

// ReadZip gives the files of a zip that is to become a commit. One folder around all is
// taken off; hidden files, .git and __pycache__ are left out. Nothing is read beyond
// what a commit may hold. Errors: roost.Invalid, roost.TooLarge.
func ReadZip(in io.ReaderAt, size int64) (map[string]string, error) {
	z, err := openZip(in, size)
	if err != nil {
		return nil, err
	}
	var kept []*zip.File
	for _, f := range z.File {
		if !f.FileInfo().IsDir() && !leftOut(f.Name) {
			kept = append(kept, f)
		}
	}
	top := topFolder(kept)
	files := map[string]string{}
	left := int64(maxCommit)
	for _, f := range kept {
		name := strings.TrimPrefix(f.Name, top)
		if err := CheckFileName(name); err != nil {
			return nil, err
		}
		if _, twice := files[name]; twice {
			return nil, roost.Errorf(roost.Invalid, "The zip has %s twice.", name)
		}
		if len(files) >= maxFiles {
			return nil, roost.Errorf(roost.TooLarge, "The zip has more than %d files.", maxFiles)
		}
		content, err := readEntry(f, min(left, maxFile))
		if err != nil {
			return nil, err
		}
		if err := checkDraft(name, string(content)); err != nil {
			return nil, err
		}
		left -= int64(len(content))
		files[name] = string(content)
	}
	if len(files) == 0 {
		return nil, roost.Errorf(roost.Invalid, "The zip has no files.")
	}
	return files, nil
}

func openZip(in io.ReaderAt, size int64) (*zip.Reader, error) {
	z, err := zip.NewReader(in, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // such paths are refused one by one
		return nil, roost.Because(roost.Invalid, err, zipMessage, "it is damaged, or something else.")
	}
	if len(z.File) > maxZipEntries {
		return nil, roost.Errorf(roost.TooLarge, "The zip has more than %d entries.", maxZipEntries)
	}
	return z, nil
}

// leftOut tells that a file is none of the app's own.
func leftOut(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") && part != "." && part != ".." || part == "__pycache__" || part == "__MACOSX" {
			return true
		}
	}
	return false
}

// topFolder gives the folder, with its slash, that all files lie in; "" if there is none.
func topFolder(files []*zip.File) string {
	if len(files) == 0 {
		return ""
	}
	top, _, ok := strings.Cut(files[0].Name, "/")
	if !ok || top == "" || top == "." || top == ".." {
		return ""
	}
	for _, f := range files {
		if !strings.HasPrefix(f.Name, top+"/") {
			return ""
		}
	}
	return top + "/"
}

// readEntry gives the content of one entry, whatever size it claims; roost.TooLarge when
// there is more than most.
func readEntry(f *zip.File, most int64) (content []byte, err error) {
	in, err := f.Open()
	if err != nil {
		return nil, roost.Because(roost.Invalid, err, zipMessage, short(f.Name)+" is packed in a way that is not known.")
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	content, err = io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		return nil, roost.Because(roost.Invalid, err, zipMessage, short(f.Name)+" is damaged.")
	}
	if int64(len(content)) > most {
		return nil, roost.Errorf(roost.TooLarge, "%s, or the zip as a whole, is too large.", short(f.Name))
	}
	return content, nil
}
