package web

import "net/http"

// Options say how a server faces the web. The zero value suits one that only trusted clients reach.
type Options struct{}

// Handler answers by a table of routes. Every answer has the headers that keep browsers from storing,
// framing or running it, or taking it for something else; a route's handler may set others.
func (o Options) Handler(routes []Route) http.Handler {
	return guarded(newRouter(routes))
}

func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		next.ServeHTTP(w, r)
	})
}
