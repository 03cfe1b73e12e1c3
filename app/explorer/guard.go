package explorer

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"fovea/internal/web"
)

// guard lets only those requests through that come from a page of this server, or from a program that knows the
// token.
type guard struct {
	token string
	// port is the listener's; hosts are the names besides addresses by which the server may be called.
	port, host string
	next       http.Handler
}

// cookie is the name of the cookie that has the token. Browsers send cookies to all ports of a host, so the name has the
// port.
func (g guard) cookie() string { return "fovea-" + g.port }

// policy lets the page load nothing from elsewhere.
const policy = "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// ServeHTTP implements http.Handler.
func (g guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	web.Protect(w.Header(), policy)
	w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	switch {
	case !g.called(r, r.Host):
		web.Refuse(w, http.StatusMisdirectedRequest, fmt.Errorf("this server is not %q: use the address that extract dataset explore printed, with the same port", r.Host))
	case !g.ownOrigin(r):
		web.Refuse(w, http.StatusForbidden, errors.New("a page of another site may not call this server: use the address that extract dataset explore printed"))
	case !g.admits(r):
		web.Refuse(w, http.StatusUnauthorized, errors.New("the token is missing or of another run: open the address that extract dataset explore printed"))
	default:
		g.next.ServeHTTP(w, r)
	}
}

// welcome gives a browser the cookie and sends it to the address without the token. A browser that comes by a link of
// another site would not send the cookie to where that leads, but does if this page sends it there.
func (g guard) welcome(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: g.cookie(), Value: g.token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		w.Header().Set("Refresh", "0;url=/")
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// called says whether a host, as the header Host or an origin has it, is this server's: its port, and an address at which
// the request arrived, or a name that only this machine gives. A page of another site that gives its own name our address
// (DNS rebinding) calls us by that name.
func (g guard) called(r *http.Request, host string) bool {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.Trim(host, "[]"), "80"
	}
	if port != g.port {
		return false
	}
	if strings.EqualFold(name, "localhost") || g.host != "" && strings.EqualFold(name, g.host) {
		return true
	}
	address, err := netip.ParseAddr(name)
	if err != nil {
		return false
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil {
		return address.IsLoopback()
	}
	own, err := netip.ParseAddrPort(local.String())
	return address.IsLoopback() || err == nil && address.Unmap() == own.Addr().Unmap().WithZone("")
}

// ownOrigin says whether a request comes from a page of this server or, like those of programs and addresses that were
// typed, from no page.
func (g guard) ownOrigin(r *http.Request) bool {
	switch origin := r.Header.Values("Origin"); len(origin) {
	case 0:
		site := r.Header.Get("Sec-Fetch-Site")
		return site != "cross-site" || r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Method == http.MethodGet
	case 1:
		host, plain := strings.CutPrefix(origin[0], "http://")
		return plain && g.called(r, host)
	}
	return false
}

// admits says whether a request has the token.
func (g guard) admits(r *http.Request) bool {
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && g.knows(bearer) {
		return true
	}
	for _, c := range r.CookiesNamed(g.cookie()) {
		if g.knows(c.Value) {
			return true
		}
	}
	return g.knows(r.URL.Query().Get("token"))
}

func (g guard) knows(token string) bool {
	return subtle.ConstantTimeCompare([]byte(token), []byte(g.token)) == 1
}

// typed lets only that through which a form of another site cannot send: bodies of types for which browsers ask first.
func typed(allowed func(kind string) bool, types string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || !allowed(kind) {
			web.Refuse(w, http.StatusUnsupportedMediaType, fmt.Errorf("send %s as Content-Type", types))
			return
		}
		next(w, r)
	}
}

func typedJSON(next http.HandlerFunc) http.HandlerFunc {
	return typed(func(kind string) bool { return kind == "application/json" }, "application/json", next)
}

func typedImage(next http.HandlerFunc) http.HandlerFunc {
	return typed(func(kind string) bool {
		return strings.HasPrefix(kind, "image/") || kind == "application/octet-stream" || kind == "application/dicom"
	}, "the type of the image, or application/octet-stream,", next)
}

// reachable is a listener's address for a browser on this machine: that of all interfaces is reached by
// localhost.
func reachable(listener net.Addr) string {
	at, err := netip.ParseAddrPort(listener.String())
	if err == nil && at.Addr().IsUnspecified() {
		return net.JoinHostPort("localhost", fmt.Sprint(at.Port()))
	}
	return listener.String()
}
