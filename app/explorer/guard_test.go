package explorer

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// Who may call.
func TestGuard(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 8, 4, nil)
	r := start(t, Options{Dir: dir, Host: "explorer.example"})
	_, port, err := net.SplitHostPort(strings.TrimPrefix(r.base, "http://"))
	must(t, err)
	bearer := http.Header{"Authorization": {"Bearer " + r.token}}
	with := func(h http.Header, more ...string) http.Header {
		h = h.Clone()
		for i := 0; i < len(more); i += 2 {
			h.Set(more[i], more[i+1])
		}
		return h
	}
	for name, c := range map[string]struct {
		method, path, host string
		header             http.Header
		want               int
	}{
		"the token as bearer":           {"GET", "/api/dataset", "", bearer, 200},
		"the token in the address":      {"GET", "/api/dataset?token=" + r.token, "", nil, 200},
		"the token as cookie":           {"GET", "/api/dataset", "", http.Header{"Cookie": {"fovea-" + port + "=" + r.token}}, 200},
		"no token":                      {"GET", "/api/dataset", "", nil, 401},
		"no token for the page":         {"GET", "/", "", nil, 401},
		"no token for a picture":        {"GET", "/images/0", "", nil, 401},
		"a wrong token":                 {"GET", "/api/dataset?token=" + strings.Repeat("0", 32), "", nil, 401},
		"an empty token":                {"GET", "/?token=", "", nil, 401},
		"another port's cookie":         {"GET", "/api/dataset", "", http.Header{"Cookie": {"fovea-1=" + r.token}}, 401},
		"localhost":                     {"GET", "/api/dataset", "localhost:" + port, bearer, 200},
		"IPv6":                          {"GET", "/api/dataset", "[::1]:" + port, bearer, 200},
		"the name that was given":       {"GET", "/api/dataset", "Explorer.example:" + port, bearer, 200},
		"a foreign host":                {"GET", "/api/dataset", "evil.example:" + port, bearer, 421},
		"a foreign host, no token":      {"GET", "/", "evil.example:" + port, nil, 421},
		"a host that ends like ours":    {"GET", "/api/dataset", "localhost.evil.example:" + port, bearer, 421},
		"another port":                  {"GET", "/api/dataset", "localhost:1", bearer, 421},
		"no port":                       {"GET", "/api/dataset", "localhost", bearer, 421},
		"another address":               {"GET", "/api/dataset", "192.0.2.1:" + port, bearer, 421},
		"our origin":                    {"GET", "/api/dataset", "", with(bearer, "Origin", r.base), 200},
		"a foreign origin":              {"GET", "/api/dataset", "", with(bearer, "Origin", "http://evil.example"), 403},
		"an origin of another port":     {"GET", "/api/dataset", "", with(bearer, "Origin", "http://localhost:1"), 403},
		"an origin by TLS":              {"GET", "/api/dataset", "", with(bearer, "Origin", "https://localhost:"+port), 403},
		"no origin but null":            {"GET", "/api/dataset", "", with(bearer, "Origin", "null"), 403},
		"a picture in a foreign page":   {"GET", "/images/0", "", with(bearer, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"), 403},
		"a link in a foreign page":      {"GET", "/api/dataset", "", with(bearer, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"), 200},
		"a form":                        {"POST", "/api/place", "", with(bearer, "Content-Type", "application/x-www-form-urlencoded"), 415},
		"plain text":                    {"POST", "/api/labels", "", with(bearer, "Content-Type", "text/plain"), 415},
		"no type":                       {"POST", "/api/labels", "", bearer, 415},
		"the wrong method":              {"POST", "/api/dataset", "", with(bearer, "Content-Type", "application/json"), 405},
		"the wrong method for a place":  {"GET", "/api/place", "", bearer, 405},
		"no such thing":                 {"GET", "/etc/passwd", "", bearer, 404},
		"out of the page's directory":   {"GET", "/..%2fserver.go", "", bearer, 404},
		"the page's directory":          {"GET", "/page", "", bearer, 404},
		"a picture by its path":         {"GET", "/images/a%2f000000.jpg", "", bearer, 404},
		"a picture by a path that goes": {"GET", "/images/..%2f..%2fetc%2fpasswd", "", bearer, 404},
	} {
		request, err := http.NewRequest(c.method, r.base+c.path, nil)
		must(t, err)
		request.Host = c.host
		if c.header != nil {
			request.Header = c.header.Clone()
		}
		response, err := http.DefaultTransport.RoundTrip(request)
		must(t, err)
		body, err := io.ReadAll(response.Body)
		must(t, err)
		must(t, response.Body.Close())
		if response.StatusCode != c.want {
			t.Errorf("%s: %d: %s, want %d", name, response.StatusCode, body, c.want)
		}
		if response.StatusCode >= 400 && !bytes.HasPrefix(body, []byte(`{"error":"`)) {
			t.Errorf("%s: the error is %s", name, body)
		}
		if h := response.Header; h.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'self'; img-src 'self' blob: data:") || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: the header is %v", name, h)
		}
	}
}

// What is asked for in another way is answered with the way.
func TestAskedOtherwise(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 8, 4, nil)
	r := start(t, Options{Dir: dir})
	for _, c := range []struct {
		method, path string
		want         int
		allow, said  string
	}{
		{"GET", "/api/rows?rows=1&version=", 200, "", ""},
		{"HEAD", "/api/dataset", 200, "", ""},
		{"GET", "/api/rows?row=1", 400, "", "unknown parameter (did you mean rows?): /api/rows takes rows, version, token"},
		{"GET", "/api/rows?rows=1&rows=2", 400, "", "the parameter rows is given 2 times"},
		{"GET", "/api/rows/1/neighbours?k=3&n=3", 400, "", "takes k, version, token"},
		{"GET", "/thumbs/1?sizes=64", 400, "", "did you mean size?"},
		{"GET", "/api/dataset?version=1", 400, "", "/api/dataset takes token"},
		{"GET", "/?x=1", 400, "", "unknown parameter"},
		{"GET", "/?token=" + r.token + "&x=1", 400, "", "unknown parameter"},
		{"GET", "/map.js?x=1", 400, "", "unknown parameter"},
		{"GET", "/api/rows?rows=%zz", 400, "", "the query cannot be read"},
		{"POST", "/api/labels?version=1", 400, "", "unknown parameter"},
		{"POST", "/api/dataset", 405, "GET, HEAD, OPTIONS", "/api/dataset takes GET, HEAD, OPTIONS"},
		{"POST", "/?token=" + r.token, 405, "GET, HEAD, OPTIONS", "takes GET"},
		{"POST", "/map.js", 405, "GET, HEAD, OPTIONS", "takes GET"},
		{"GET", "/api/place", 405, "POST, OPTIONS", "/api/place takes POST, OPTIONS"},
		{"DELETE", "/api/labels", 405, "POST, OPTIONS", "takes POST"},
		{"PUT", "/images/1", 405, "GET, HEAD, OPTIONS", "takes GET"},
		{"OPTIONS", "/api/labels", 204, "POST, OPTIONS", ""},
		{"GET", "/api/label", 404, "", "did you mean /api/labels?"},
		{"GET", "/api/rows/", 404, "", "GET /api/rows/{row}/neighbours"},
		{"GET", "/../map.js", 404, "", "there is no such path"},
		{"GET", "/page/map.js", 404, "", "there is no such path"},
	} {
		status, header, body := r.ask(c.method, c.path, "", nil)
		if status != c.want || header.Get("Allow") != c.allow || !strings.Contains(string(body), c.said) || strings.Contains(string(body), ".js,") {
			t.Errorf("%s %s: %d, Allow %q, %s; want %d, %q, %s", c.method, c.path, status, header.Get("Allow"), body, c.want, c.allow, c.said)
		}
	}
}

// The address with the token becomes a cookie, and one without.
func TestToken(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 8, 4, nil)
	r := start(t, Options{Dir: dir})
	for site, want := range map[string]int{"none": http.StatusSeeOther, "": http.StatusSeeOther, "cross-site": http.StatusOK} {
		request, err := http.NewRequest(http.MethodGet, r.base+"/?token="+r.token, nil)
		must(t, err)
		if site != "" {
			request.Header.Set("Sec-Fetch-Site", site)
			request.Header.Set("Sec-Fetch-Mode", "navigate")
		}
		response, err := http.DefaultTransport.RoundTrip(request)
		must(t, err)
		must(t, response.Body.Close())
		cookies := response.Cookies()
		if response.StatusCode != want || len(cookies) != 1 || cookies[0].Value != r.token || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode || response.Header.Get("Location")+response.Header.Get("Refresh") == "" {
			t.Errorf("from %q: %d, %v", site, response.StatusCode, response.Header)
		}
	}
	other, err := New(context.Background(), Options{Dir: dir})
	must(t, err)
	if len(r.token) != 32 || other.token == r.token {
		t.Errorf("the tokens are %s and %s", r.token, other.token)
	}
}

// A port in use is an error that says what to do.
func TestPortInUse(t *testing.T) {
	first, err := Listen(":0")
	must(t, err)
	defer first.Close()
	if host, _, _ := net.SplitHostPort(first.Addr().String()); host != "127.0.0.1" {
		t.Errorf("without a host it listens on %s", host)
	}
	if _, err := Listen(first.Addr().String()); err == nil || !strings.Contains(err.Error(), "another program uses this port") {
		t.Errorf("a port twice: %v", err)
	}
}
