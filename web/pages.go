package web

import (
	"embed"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed page
var page embed.FS

// pages serves the user interface: files by their path, and index.html for every
// address that is a page of the application.
type pages struct {
	files map[string]*asset // by URL path
	index *asset
}

// newPages takes what was built in, or the page that says how to build it.
func newPages() *pages {
	if !builtWithUI {
		return pagesOf(page, "page/unbuilt.html", false)
	}
	built, err := fs.Sub(dist, "dist")
	if err != nil {
		return pagesOf(page, "page/unbuilt.html", false)
	}
	return pagesOf(built, "index.html", true)
}

// pagesOf serves files with index as the page of the application; all: the other
// files too.
func pagesOf(files fs.FS, index string, all bool) *pages {
	p := &pages{files: map[string]*asset{}}
	_ = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		if name == index {
			p.index = newAsset(name, body)
		}
		if all {
			p.files["/"+name] = newAsset(name, body)
		}
		if folder, page := path.Split(name); all && page == "index.html" && folder != "" {
			p.files["/"+folder] = p.files["/"+name] // a page beside the application
		}
		return nil
	})
	return p
}

func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuseAs(w, http.StatusMethodNotAllowed, "Pages can only be read.")
		return
	}
	if file := p.files[r.URL.Path]; file != nil && file != p.index {
		file.serve(w, r, strings.HasPrefix(r.URL.Path, "/assets/"))
		return
	}
	if p.files[r.URL.Path+"/"] != nil {
		http.Redirect(w, r, r.URL.Path+"/", http.StatusMovedPermanently)
		return
	}
	if p.index == nil || isFile(r.URL.Path) {
		http.NotFound(w, r)
		return
	}
	p.index.serve(w, r, false)
}

// isFile tells that an address asks for a file and not for a page. A dot alone does
// not make a file: the id of a thing may have one.
func isFile(url string) bool {
	_, known := mimeTypes[path.Ext(url)]
	return known || strings.HasPrefix(url, "/assets/")
}
