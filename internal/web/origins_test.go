package web

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

// Origins that no browser would name so are refused, with how it names them.
func TestOpenRefusesOrigins(t *testing.T) {
	for origin, want := range map[string]string{
		"https://example.com": "", "http://localhost:3000": "", "http://[::1]:5173": "", "https://xn--bcher-kva.example": "", "*": "", "capacitor://localhost": "",
		"":                              "give a scheme and a host, and the port where it is not the usual one, as https://example.com or http://localhost:3000; or * for all",
		"example.com":                   "give a scheme and a host",
		"localhost:3000":                "give a scheme and a host",
		"https://":                      "give a scheme and a host",
		"null":                          "files and sandboxed pages of anybody have this origin",
		"https://example.com/":          "an origin ends with the host or port",
		"https://example.com/app":       "an origin ends with the host or port",
		"https://example.com?x":         "an origin ends with the host or port",
		"https://example.com#":          "an origin ends with the host or port",
		"https://user@example.com":      "an origin ends with the host or port",
		"https://*.example.com":         "an origin has no pattern: give each host",
		"https://Example.com":           "in small letters: give https://example.com",
		"https://example.com:443":       "leave out the usual port: give https://example.com",
		"http://example.com:80":         "leave out the usual port: give http://example.com",
		"http://example.com:":           "leave out the usual port: give http://example.com",
		"https://bücher.example":        "begins with xn--",
		"http://example.com:99999":      "there is no such port",
		"http://exa mple.com":           "give a scheme and a host",
		"https://a.example,https://b.c": "give a scheme and a host",
	} {
		_, err := Options{Origins: []string{origin}}.Open()
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", origin, err)
		case want != "" && (!errors.Is(err, ErrOptions) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "--cors")):
			t.Errorf("%q: %v, want %s", origin, err, want)
		}
	}
	if _, err := (Options{Origins: []string{"*", "https://example.com"}}).Open(); !errors.Is(err, ErrOptions) || !strings.Contains(err.Error(), "give it alone") {
		t.Errorf("all origins and one: %v", err)
	}
}

// Pages of the origins may read answers, refusals, too; others not.
func TestOrigins(t *testing.T) {
	const ours, foreign = "https://app.example", "https://evil.example"
	some := served(t, opened(t, Options{Origins: []string{"http://localhost:3000", ours}}), routes())
	all := served(t, opened(t, Options{Origins: []string{"*"}}), routes())
	none := served(t, &Site{}, routes())
	guarded := served(t, opened(t, Options{Origins: []string{ours}, TokenFile: write(t, t.TempDir(), "tokens", "0123456789abcdef\n")}), routes())
	for _, test := range []struct {
		name, address, line, origin, wants string
		status                             int
		allowed, methods, vary             string
	}{
		{"a page of ours", some, "POST /predict", ours, "", 200, ours, "", "Origin"},
		{"its first question", some, "OPTIONS /predict", ours, "POST", 204, ours, "POST, OPTIONS", "Origin,Access-Control-Request-Method, Access-Control-Request-Headers"},
		{"its OPTIONS", some, "OPTIONS /predict", ours, "", 204, ours, "", "Origin"},
		{"its mistake", some, "GET /predict", ours, "", 405, ours, "", "Origin"},
		{"its question about nothing", some, "OPTIONS /nowhere", ours, "POST", 404, ours, "", "Origin"},
		{"a foreign page", some, "POST /predict", foreign, "", 200, "", "", "Origin"},
		{"its first question", some, "OPTIONS /predict", foreign, "POST", 204, "", "", "Origin"},
		{"a page that looks like ours", some, "POST /predict", ours + ".evil.example", "", 200, "", "", "Origin"},
		{"another scheme", some, "POST /predict", "http://app.example", "", 200, "", "", "Origin"},
		{"another port", some, "POST /predict", ours + ":8443", "", 200, "", "", "Origin"},
		{"a file", some, "POST /predict", "null", "", 200, "", "", "Origin"},
		{"no page", some, "POST /predict", "", "", 200, "", "", "Origin"},
		{"any page", all, "POST /predict", foreign, "", 200, "*", "", ""},
		{"its first question", all, "OPTIONS /predict", foreign, "POST", 204, "*", "POST, OPTIONS", "Access-Control-Request-Method, Access-Control-Request-Headers"},
		{"no origins", none, "POST /predict", foreign, "", 200, "", "", ""},
		{"no origins, a question", none, "OPTIONS /predict", foreign, "POST", 204, "", "", ""},
		{"a question without a token", guarded, "OPTIONS /predict", ours, "POST", 204, ours, "POST, OPTIONS", "Origin,Access-Control-Request-Method, Access-Control-Request-Headers"},
		{"a foreign question without a token", guarded, "OPTIONS /predict", foreign, "POST", 401, "", "", "Origin"},
		{"a page without a token", guarded, "POST /predict", ours, "", 401, ours, "", "Origin"},
	} {
		request := test.line + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nCookie: a=b\r\nConnection: close\r\n"
		if test.origin != "" {
			request += "Origin: " + test.origin + "\r\n"
		}
		if test.wants != "" {
			request += "Access-Control-Request-Method: " + test.wants + "\r\nAccess-Control-Request-Headers: authorization\r\n"
		}
		r, body := ask(t, test.address, request+"\r\n")
		h := r.Header
		if r.StatusCode != test.status || h.Get("Access-Control-Allow-Origin") != test.allowed || h.Get("Access-Control-Allow-Methods") != test.methods || strings.Join(h.Values("Vary"), ",") != test.vary {
			t.Errorf("%s: %d %s with %v", test.name, r.StatusCode, body, h)
		}
		if _, found := h[http.CanonicalHeaderKey("Access-Control-Allow-Credentials")]; found {
			t.Errorf("%s: credentials are allowed", test.name)
		}
		if asked := test.methods != ""; asked != (h.Get("Access-Control-Allow-Headers") == "Authorization, Content-Type, Inference-Header-Content-Length") {
			t.Errorf("%s: headers %v", test.name, h)
		}
	}
}
