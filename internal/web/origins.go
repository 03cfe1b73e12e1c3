package web

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// origins are those whose pages may call a server, as browsers name them; or * alone.
type origins []string

func parseOrigins(given []string) (origins, error) {
	for _, origin := range given {
		if problem := wrongOrigin(origin); problem != "" {
			return nil, fmt.Errorf("--cors %q: %s", origin, problem)
		}
	}
	if len(given) > 1 && slices.Contains(given, "*") {
		return nil, fmt.Errorf("--cors * allows every origin: give it alone, or leave it out")
	}
	return given, nil
}

// wrongOrigin says why no browser would name an origin so; "" if one may.
func wrongOrigin(origin string) string {
	const example = "give a scheme and a host, and the port where it is not the usual one, as https://example.com or http://localhost:3000"
	if origin == "*" {
		return ""
	}
	if origin == "null" {
		return "files and sandboxed pages of anybody have this origin: serve the page from a host, and give that"
	}
	u, err := url.Parse(origin)
	switch {
	case err != nil || u.Scheme == "" || u.Host == "":
		return example + "; or * for all"
	case u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || strings.Contains(origin, "#"):
		return "an origin ends with the host or port: " + example
	case strings.Contains(u.Host, "*"):
		return "an origin has no pattern: give each host by a --cors of its own, or * for all"
	case strings.ContainsFunc(origin, func(c rune) bool { return c > '~' }):
		return "browsers send such a host in its ASCII form, which begins with xn--: give that"
	case origin != strings.ToLower(origin):
		return "browsers send origins in small letters: give " + strings.ToLower(origin)
	case strings.HasSuffix(u.Host, ":"), u.Hostname() == "", u.Scheme == "https" && u.Port() == "443", u.Scheme == "http" && u.Port() == "80":
		return "browsers leave out the usual port: give " + u.Scheme + "://" + u.Hostname()
	}
	if u.Port() != "" {
		if _, err := net.LookupPort("tcp", u.Port()); err != nil {
			return "there is no such port: " + example
		}
	}
	return ""
}

// handler adds the headers that let pages of the origins read answers, and answers browsers that ask
// first whether a page may send a request. Cookies and the like are never allowed.
func (o origins) handler(t *router, next http.Handler) http.Handler {
	if len(o) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, origin := w.Header(), r.Header.Get("Origin")
		if o[0] == "*" {
			origin = "*"
		} else {
			h.Add("Vary", "Origin") // so that no cache gives one origin's answer to another
		}
		if !slices.Contains(o, origin) {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Origin", origin)
		wanted := r.Header.Get("Access-Control-Request-Method")
		if methods := t.methods(r); r.Method == http.MethodOptions && wanted != "" && methods != nil {
			h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
			h.Set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Inference-Header-Content-Length")
			h.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		h.Set("Access-Control-Expose-Headers", "Inference-Header-Content-Length, Retry-After, WWW-Authenticate")
		next.ServeHTTP(w, r)
	})
}
