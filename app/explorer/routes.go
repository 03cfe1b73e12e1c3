package explorer

import (
	"embed"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"path"
	"strings"

	"fovea/internal/look"
	"fovea/internal/web"
)

//go:embed page
var embedded embed.FS

// handler is all that the server answers, behind its guard.
func (s *Server) handler(listener net.Addr) http.Handler {
	_, port, _ := net.SplitHostPort(listener.String()) // of a TCP listener
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/dataset", s.getDataset)
	mux.HandleFunc("GET /api/map/{kind}", s.getMap)
	mux.HandleFunc("GET /api/columns/{name}", s.getColumn)
	mux.HandleFunc("GET /api/paths", s.getPaths)
	mux.HandleFunc("GET /api/rows", s.getRows)
	mux.HandleFunc("GET /api/rows/{row}/neighbours", s.getNeighbours)
	mux.HandleFunc("GET /images/{row}", s.getImage)
	mux.HandleFunc("GET /thumbs/{row}", s.getThumb)
	mux.HandleFunc("POST /api/place", s.postPlace)
	mux.Handle("GET /api/events", s.events)
	mux.HandleFunc("GET /look.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write([]byte(look.CSS)) // fails only for a page that has gone
	})
	s.labelRoutes(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.getFile(mux, w, r) })
	return guard{token: s.token, port: port, host: s.options.Host, next: mux}
}

// getFile answers with a file of the page.
func (s *Server) getFile(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		status, text := http.StatusNotFound, "there is no %s"
		get := r.Clone(r.Context())
		if get.Method = http.MethodGet; matches(mux, get) {
			status, text = http.StatusMethodNotAllowed, "use GET for %s"
		}
		web.Refuse(w, status, fmt.Errorf(text, r.URL.Path))
		return
	}
	post := r.Clone(r.Context())
	if post.Method = http.MethodPost; matches(mux, post) {
		w.Header().Set("Allow", http.MethodPost)
		web.Refuse(w, http.StatusMethodNotAllowed, fmt.Errorf("use POST for %s", r.URL.Path))
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" {
		name = "index.html"
	}
	pages, err := fs.Sub(embedded, "page")
	if err == nil {
		var info fs.FileInfo
		if info, err = fs.Stat(pages, name); err == nil && info.Mode().IsRegular() {
			http.ServeFileFS(w, r, pages, name)
			return
		}
	}
	web.Refuse(w, http.StatusNotFound, fmt.Errorf("there is no %s: see docs/explore.md", r.URL.Path))
}

// matches says whether there is a route for a request besides that of files.
func matches(mux *http.ServeMux, r *http.Request) bool {
	_, pattern := mux.Handler(r)
	return pattern != "" && pattern != "/"
}
