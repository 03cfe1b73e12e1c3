package web

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"fovea/internal/typo"
)

// Route is one thing that a server does.
type Route struct {
	// Pattern is that of an http.ServeMux, METHOD PATH. GET is HEAD, too.
	Pattern string
	// Parameters are the names that may be in the query, each once. All others are refused.
	Parameters []string
	// Open routes are answered without a token.
	Open bool
	// Unlisted routes are not named to who asks for a path that there is not: files of a page, for example.
	Unlisted bool
	// Handler answers requests whose path, method and query's names are right.
	Handler http.HandlerFunc
}

// Refuse answers with an error as JSON: {"error": "..."}.
func Refuse(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()}) // fails only for a client that has gone
}

// router answers requests by a table of routes.
type router struct {
	mux    *http.ServeMux
	routes map[string]Route // by pattern
	shown  []string         // the patterns but for unlisted ones, in the order they were given
}

// Routes answers by a table of routes, and refuses all else: other paths, methods and parameters. It is what a
// server needs that guards itself; Site.Handler is for others.
func Routes(routes []Route) http.Handler { return newRouter(routes) }

func newRouter(routes []Route) *router {
	t := &router{mux: http.NewServeMux(), routes: map[string]Route{}}
	for _, r := range routes {
		t.mux.Handle(r.Pattern, r.Handler)
		t.routes[r.Pattern] = r
		if !r.Unlisted {
			t.shown = append(t.shown, strings.TrimSuffix(r.Pattern, "{$}"))
		}
	}
	return t
}

// find is the route of a request, if there is one.
func (t *router) find(r *http.Request) (Route, bool) {
	if r.URL.Path != clean(r.URL.Path) {
		return Route{}, false // the mux would redirect to another path
	}
	_, pattern := t.mux.Handler(r)
	route, found := t.routes[pattern]
	return route, found
}

// clean is a path without what the mux would remove.
func clean(p string) string {
	tidy := path.Clean("/" + p)
	if strings.HasSuffix(p, "/") && tidy != "/" {
		tidy += "/"
	}
	return tidy
}

func (t *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route, found := t.find(r)
	switch methods := t.methods(r); {
	case found:
		if err := checkQuery(r.URL.RawQuery, route); err != nil {
			Refuse(w, http.StatusBadRequest, err)
			return
		}
		t.mux.ServeHTTP(w, r) // sets the values of the path
	case r.Method == http.MethodOptions && r.RequestURI == "*":
		w.WriteHeader(http.StatusNoContent)
	case len(methods) == 0:
		Refuse(w, http.StatusNotFound, t.unknown(r))
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", strings.Join(methods, ", "))
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", strings.Join(methods, ", "))
		Refuse(w, http.StatusMethodNotAllowed, fmt.Errorf("%.20q: %s takes %s", r.Method, r.URL.Path, strings.Join(methods, ", ")))
	}
}

// methods are those that a request's path takes; none if there is no such path.
func (t *router) methods(r *http.Request) []string {
	var methods []string
	other := *r
	for _, other.Method = range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if _, found := t.find(&other); found {
			methods = append(methods, other.Method)
		}
	}
	if methods != nil {
		methods = append(methods, http.MethodOptions)
	}
	return methods
}

// unknown says which paths there are. What the client asked for may be a credential, and is not repeated.
func (t *router) unknown(r *http.Request) error {
	var paths []string
	for _, pattern := range t.shown {
		_, p, _ := strings.Cut(pattern, " ")
		paths = append(paths, p)
	}
	return fmt.Errorf("there is no such path%s: use %s", typo.Hint(r.URL.Path, paths), strings.Join(t.shown, ", "))
}

// checkQuery refuses a query that is not one, or has parameters that the route does not take.
func checkQuery(raw string, route Route) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return fmt.Errorf("the query cannot be read (%w): give NAME=VALUE, joined by &, with %%XX for what is special in URLs", err)
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		_, p, _ := strings.Cut(route.Pattern, " ")
		switch {
		case !slices.Contains(route.Parameters, name) && len(route.Parameters) == 0:
			return fmt.Errorf("unknown parameter: %s takes none", p)
		case !slices.Contains(route.Parameters, name):
			return fmt.Errorf("unknown parameter%s: %s takes %s", typo.Hint(name, route.Parameters), p, strings.Join(route.Parameters, ", "))
		case len(query[name]) > 1:
			return fmt.Errorf("the parameter %s is given %d times: give it once", name, len(query[name]))
		}
	}
	return nil
}
