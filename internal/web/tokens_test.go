package web

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	firstToken  = "c2Vjb25kIGNvdXNpbg-._~+/=="
	secondToken = "0123456789abcdef"
)

// Files without a usable token are refused, by the line, and without a word of what is in it.
func TestOpenRefusesTokens(t *testing.T) {
	dir := t.TempDir()
	for content, want := range map[string]string{
		"":                                      "there is no token in it",
		"# " + secondToken + "\n\n":             "there is no token in it",
		firstToken + "\nsecretsecret123\n":      "line 2 has 15 characters, a token has 16 to 4096",
		strings.Repeat("s", 4097):               "line 1 has 4097 characters",
		"secret secret secret\n":                "line 1 has a character that a token cannot have",
		firstToken + " # secret of A":           "line 1 has a character",
		"user:secretsecretsecret":               "line 1 has a character",
		"secretsecretsecret\x00":                "line 1 has a character",
		"s\x00e\x00c\x00r\x00e\x00t\x00" + "\n": "line 1 has a character",
		"sécretsécretsécret":                    "line 1 has a character",
		strings.Repeat("secret\n", 200_000):     "has more than 1048576 bytes",
	} {
		_, err := Options{TokenFile: write(t, dir, "tokens", content)}.Open()
		if !errors.Is(err, ErrOptions) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "--token-file") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%.30q: %v, want %s", content, err, want)
		}
	}
	for _, file := range []string{filepath.Join(dir, "none"), dir} {
		if _, err := (Options{TokenFile: file}).Open(); !errors.Is(err, ErrOptions) || !strings.Contains(err.Error(), "--token-file") || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
	}
	if _, err := (Options{TokenFile: write(t, dir, "tokens", "\ufeff# tokens\r\n\r\n "+firstToken+"\r\n"+secondToken)}).Open(); err != nil {
		t.Error(err)
	}
}

// Who has a token is answered, who has none is told how to send it; open routes and first questions of browsers need none.
func TestTokens(t *testing.T) {
	address := served(t, opened(t, Options{TokenFile: write(t, t.TempDir(), "tokens", "# A\n"+firstToken+"\n# B\n"+secondToken+"\n")}), routes())
	for _, test := range []struct {
		line, headers string
		status        int
		problem, want string
	}{
		{"POST /predict", "Authorization: Bearer " + firstToken, 200, "", ""},
		{"POST /predict", "Authorization: bearer   " + secondToken + "  ", 200, "", ""},
		{"GET /nowhere", "Authorization: Bearer " + secondToken, 404, "", "there is no such path"},
		{"GET /predict", "Authorization: Bearer " + secondToken, 405, "", "takes POST"},
		{"GET /healthz", "", 200, "", ""},
		{"GET /healthz", "Authorization: Bearer wrong", 200, "", ""},
		{"GET /healthz?x=1", "", 400, "", "unknown parameter"},
		{"POST /healthz", "", 401, "Bearer", "Authorization: Bearer TOKEN"},
		{"POST /predict", "", 401, "Bearer", "send the header Authorization: Bearer TOKEN"},
		{"POST /predict?access_token=" + firstToken, "", 401, "Bearer", "Authorization: Bearer TOKEN"},
		{"POST /predict", "Cookie: token=" + firstToken, 401, "Bearer", "Authorization: Bearer TOKEN"},
		{"GET /nowhere", "", 401, "Bearer", "Authorization: Bearer TOKEN"},
		{"GET /healthz/", "", 401, "Bearer", "Authorization: Bearer TOKEN"},
		{"GET //healthz", "", 401, "Bearer", "Authorization: Bearer TOKEN"},
		{"POST /predict", "Authorization: Bearer " + firstToken + "x", 401, `Bearer error="invalid_token"`, "does not know this token"},
		{"POST /predict", "Authorization: Bearer " + firstToken[:20], 401, `Bearer error="invalid_token"`, "does not know this token"},
		{"POST /predict", "Authorization: Bearer # A", 401, `Bearer error="invalid_token"`, "does not know this token"},
		{"POST /predict", "Authorization: " + firstToken, 401, `Bearer error="invalid_request"`, "this is not a bearer token"},
		{"POST /predict", "Authorization: Bearer", 401, `Bearer error="invalid_request"`, "this is not a bearer token"},
		{"POST /predict", "Authorization: Basic " + firstToken, 401, `Bearer error="invalid_request"`, "this is not a bearer token"},
		{"POST /predict", "Authorization: Bearer " + firstToken + "\r\nAuthorization: Bearer " + firstToken, 401, `Bearer error="invalid_request"`, "several Authorization headers"},
	} {
		headers := "Host: x\r\nContent-Length: 0\r\nConnection: close\r\n"
		if test.headers != "" {
			headers += test.headers + "\r\n"
		}
		r, body := ask(t, address, test.line+" HTTP/1.1\r\n"+headers+"\r\n")
		if r.StatusCode != test.status || r.Header.Get("WWW-Authenticate") != test.problem || !strings.Contains(body, test.want) {
			t.Errorf("%s with %q: %d, %q, %s", test.line, test.headers, r.StatusCode, r.Header.Get("WWW-Authenticate"), body)
		}
		if strings.Contains(body, firstToken) || strings.Contains(body, secondToken) {
			t.Errorf("%s with %q: the answer shows a token: %s", test.line, test.headers, body)
		}
	}
}

// Tokens change with their file; a file that has none any more changes nothing.
func TestTokensAreRenewed(t *testing.T) {
	log, dir := catchLog(t), t.TempDir()
	file := write(t, dir, "tokens", firstToken)
	address := served(t, opened(t, Options{TokenFile: file}), routes())
	status := func(token string) int {
		r, _ := ask(t, address, "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\nAuthorization: Bearer "+token+"\r\n\r\n")
		return r.StatusCode
	}
	if a, b := status(firstToken), status(secondToken); a != 200 || b != 401 {
		t.Errorf("at first: %d, %d", a, b)
	}
	write(t, dir, "tokens", secondToken)
	eventually(t, "the new token is taken", func() bool { return status(firstToken) == 401 && status(secondToken) == 200 })
	for _, broken := range []string{"", "too short", firstToken + "\nx y z\n"} {
		before := strings.Count(log.String(), "stay as they were")
		write(t, dir, "tokens", broken)
		eventually(t, "it is logged", func() bool { return strings.Count(log.String(), "stay as they were") > before })
		if a, b := status(firstToken), status(secondToken); a != 401 || b != 200 {
			t.Errorf("after %q: %d, %d", broken, a, b)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the loss is logged", func() bool { return strings.Contains(log.String(), "no such file") })
	if b := status(secondToken); b != 200 {
		t.Errorf("after the file is gone: %d", b)
	}
	write(t, dir, "tokens", firstToken)
	eventually(t, "the last file is taken", func() bool { return status(firstToken) == 200 && status(secondToken) == 401 })
	if text := log.String(); strings.Count(text, "no such file") != 1 || strings.Contains(text, firstToken) || strings.Contains(text, secondToken) {
		t.Errorf("the log: %s", text)
	}
}

// A file that others can read is worth a warning.
func TestTokensOthersCanRead(t *testing.T) {
	log := catchLog(t)
	file := write(t, t.TempDir(), "tokens", firstToken)
	opened(t, Options{TokenFile: file})
	if text := log.String(); text != "" {
		t.Errorf("of a private file: %s", text)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	opened(t, Options{TokenFile: file})
	if text := log.String(); !strings.Contains(text, "level=warning") || !strings.Contains(text, file) || !strings.Contains(text, "chmod o-rwx") {
		t.Errorf("of an open file: %q", text)
	}
}
