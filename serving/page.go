package serving

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"path"
	"sync"

	"fovea/internal/look"
	"fovea/internal/text"
	"fovea/internal/web"
)

// pageFiles are those of the page on which people drop photos, pageSource is the page itself.
var (
	//go:embed page
	pageFiles embed.FS
	//go:embed page/index.html
	pageSource string
)

var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(look.Template("serve", pageSource, nil))
})

// pagePolicy lets the page load its own files, and ask this server; nothing else, and no code within the page.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// pageRoutes are the page and its files. They say nothing that needs a token.
func (s *Server) pageRoutes() []web.Route {
	routes := []web.Route{
		{Pattern: "GET /{$}", Open: true, Handler: s.page},
		{Pattern: "GET /page/look.css", Open: true, Handler: pageFile("text/css; charset=utf-8", []byte(look.CSS))},
		{Pattern: "GET /page/shown.js", Open: true, Handler: pageFile("text/javascript; charset=utf-8", look.Shown)},
	}
	for name, kind := range map[string]string{"page.js": "text/javascript; charset=utf-8", "page.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"} {
		content, _ := pageFiles.ReadFile(path.Join("page", name)) // embedded
		routes = append(routes, web.Route{Pattern: "GET /page/" + name, Open: true, Handler: pageFile(kind, content)})
	}
	return routes
}

func pageFile(kind string, content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(content) // fails only for a client that has gone
	}
}

// page has the classes' names, unless they need a token.
func (s *Server) page(w http.ResponseWriter, _ *http.Request) {
	about := struct {
		Name, Classes string
		NeedsToken    bool
	}{Name: s.options.Name, NeedsToken: s.options.Site.NeedsToken()}
	if !about.NeedsToken {
		about.Classes = text.Some(s.predictor.Classes())
	}
	var out bytes.Buffer
	err := pageTemplate().Execute(&out, about)
	if err != nil {
		web.Refuse(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", pagePolicy)
	_, _ = w.Write(out.Bytes()) // fails only for a client that has gone
}
