package explorer

import (
	"embed"
	"io/fs"
	"net"
	"net/http"
	"slices"

	"fovea/internal/look"
	"fovea/internal/web"
)

//go:embed page
var embedded embed.FS

// handler is all that the server answers, behind its guard.
func (s *Server) handler(listener net.Addr) http.Handler {
	_, port, _ := net.SplitHostPort(listener.String()) // of a TCP listener
	g := guard{token: s.token, port: port, host: s.options.Host}
	routes := slices.Concat(s.dataRoutes(), s.labelRoutes(), pageRoutes(g))
	for i := range routes {
		routes[i].Parameters = append(routes[i].Parameters, "token")
	}
	g.next = web.Routes(routes)
	return g
}

// dataRoutes are what is answered about the rows.
func (s *Server) dataRoutes() []web.Route {
	return []web.Route{
		{Pattern: "GET /api/dataset", Handler: s.getDataset},
		{Pattern: "GET /api/map/{kind}", Parameters: []string{"version"}, Handler: s.getMap},
		{Pattern: "GET /api/columns/{name}", Parameters: []string{"version"}, Handler: s.getColumn},
		{Pattern: "GET /api/paths", Parameters: []string{"q", "limit", "version"}, Handler: s.getPaths},
		{Pattern: "GET /api/rows", Parameters: []string{"rows", "version"}, Handler: s.getRows},
		{Pattern: "GET /api/rows/{row}/neighbours", Parameters: []string{"k", "version"}, Handler: s.getNeighbours},
		{Pattern: "GET /images/{row}", Parameters: []string{"version"}, Handler: s.getImage},
		{Pattern: "GET /thumbs/{row}", Parameters: []string{"size", "version"}, Handler: s.getThumb},
		{Pattern: "POST /api/place", Parameters: []string{"map", "version"}, Handler: typedImage(s.postPlace)},
		{Pattern: "GET /api/events", Handler: s.events.ServeHTTP},
	}
}

// pageRoutes are the page and its files.
func pageRoutes(g guard) []web.Route {
	routes := []web.Route{
		{Pattern: "GET /{$}", Unlisted: true, Handler: g.index},
		{Pattern: "GET /look.css", Unlisted: true, Handler: shared("text/css; charset=utf-8", []byte(look.CSS))},
		{Pattern: "GET /shown.js", Unlisted: true, Handler: shared("text/javascript; charset=utf-8", look.Shown)},
	}
	files, _ := fs.Glob(pages, "*") // of a pattern that is right
	for _, name := range files {
		routes = append(routes, web.Route{Pattern: "GET /" + name, Unlisted: true, Handler: func(w http.ResponseWriter, r *http.Request) {
			http.ServeFileFS(w, r, pages, name)
		}})
	}
	return routes
}

// shared answers with a file that other pages have, too.
func shared(kind string, content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(content) // fails only for a page that has gone
	}
}

// pages are the files of the page.
var pages, _ = fs.Sub(embedded, "page") // a valid name

// index answers with the page; whoever comes with a token in the address is welcomed first.
func (g guard) index(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("token") {
		g.welcome(w, r)
		return
	}
	http.ServeFileFS(w, r, pages, "index.html")
}
