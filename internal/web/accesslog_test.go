package web

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
)

// A request is a line in the log that says what happened, and nothing that is secret or that a client could forge.
func TestAccessLog(t *testing.T) {
	log := catchLog(t)
	old := logrus.StandardLogger().Formatter
	logrus.SetFormatter(&logrus.JSONFormatter{})
	t.Cleanup(func() { logrus.SetFormatter(old) })
	address := served(t, opened(t, Options{AccessLog: true, TokenFile: write(t, t.TempDir(), "tokens", firstToken)}), routes())
	const authorized = "Authorization: Bearer " + firstToken + "\r\n"
	for _, test := range []struct {
		line, headers, body string
		want                map[string]any
	}{
		{"POST /predict?top=secret", authorized + "User-Agent: curl/8\r\n", "abcdef", map[string]any{"method": "POST", "path": "/predict", "status": 200., "received": 6., "sent": 13., "protocol": "HTTP/1.1", "user_agent": "curl/8", "msg": "request", "level": "info"}},
		{"POST /predict?access_token=" + firstToken, "X-Forwarded-For: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\n", "", map[string]any{"status": 401., "path": "/predict", "received": 0., "user_agent": ""}},
		{"GET /models/a%0a%1b[31mb", authorized, "", map[string]any{"path": "/models/a%0a%1b[31mb", "status": 200.}},
		{"GET /healthz", "User-Agent: a\xff\u009b31m\t\"b\" level=error " + strings.Repeat("x", 400) + "\r\n", "", map[string]any{"status": 200.}},
		{"HEAD /healthz", "", "", map[string]any{"method": "HEAD", "status": 200., "sent": 0.}},
		{"OPTIONS *", authorized, "", map[string]any{"method": "OPTIONS", "status": 204., "path": "*"}},
		{"POST /nowhere", authorized, "abc", map[string]any{"status": 404., "received": 3.}},
	} {
		before := len(log.String())
		request := test.line + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + test.headers + "Content-Length: " + string(rune('0'+len(test.body))) + "\r\n\r\n" + test.body
		ask(t, address, request)
		eventually(t, "it is logged", func() bool { return strings.HasSuffix(log.String()[before:], "\n") })
		text := log.String()[before:]
		var entry map[string]any
		if err := json.Unmarshal([]byte(text), &entry); err != nil || strings.Count(text, "\n") != 1 || len(text) > 1000 {
			t.Errorf("%s is logged as %s, %v", test.line, text, err)
			continue
		}
		for name, want := range test.want {
			if entry[name] != want {
				t.Errorf("%s: %s is %v, want %v", test.line, name, entry[name], want)
			}
		}
		if remote, _ := entry["remote"].(string); !strings.HasPrefix(remote, "127.0.0.1:") || entry["seconds"].(float64) < 0 {
			t.Errorf("%s: %s", test.line, text)
		}
		for _, secret := range []string{"secret", firstToken, "10.0.0.1", "\u009b", "level=error\n"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s: the log has %q: %s", test.line, secret, text)
			}
		}
	}
	logrus.SetFormatter(&logrus.TextFormatter{DisableTimestamp: true})
	before := len(log.String())
	ask(t, address, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUser-Agent: a\u009b31m level=error\r\n\r\n")
	eventually(t, "it is logged", func() bool { return strings.HasSuffix(log.String()[before:], "\n") })
	if text := log.String()[before:]; !strings.Contains(text, `user_agent="a\\u009b31m level=error"`) || strings.Count(text, "\n") != 1 {
		t.Errorf("as text: %s", text)
	}
}

// Without the option nothing is logged.
func TestNoAccessLog(t *testing.T) {
	log := catchLog(t)
	ask(t, served(t, &Site{}, routes()), "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if text := log.String(); text != "" {
		t.Errorf("the log: %s", text)
	}
}
