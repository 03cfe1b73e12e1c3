package web

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
)

// routes are those of the tests' server.
func routes() []Route {
	echo := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			Refuse(w, http.StatusBadRequest, err)
			return
		}
		fmt.Fprintf(w, "%s %s %d bytes", r.Method, r.PathValue("name"), len(body))
	}
	return []Route{
		{Pattern: "POST /predict", Parameters: []string{"top", "layer"}, Handler: echo},
		{Pattern: "GET /models/{name}", Handler: echo},
		{Pattern: "POST /models/{name}", Handler: echo},
		{Pattern: "GET /healthz", Open: true, Handler: echo},
		{Pattern: "GET /{$}", Handler: echo},
	}
}

// opened is a site of options that are right.
func opened(t testing.TB, o Options) *Site {
	t.Helper()
	s, err := o.Open()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// served runs a site's server until the test ends, and gives its address. It looks at its files often.
func served(t testing.TB, s *Site, routes []Route) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: s.Handler(routes), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, MaxHeaderBytes: 1 << 13, DisableGeneralOptionsHandler: true}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { s.watch(ctx, 5*time.Millisecond) })
	group.Go(func() {
		if err := s.Serve(server, listener); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		group.Wait()
	})
	return listener.Addr().String()
}

// write writes a file, whole at once, and gives its name.
func write(t testing.TB, dir, name, content string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	return file
}

// logging catches the log of a test. Tests that use it do not run beside others.
type logging struct {
	mutex sync.Mutex // guards text
	text  bytes.Buffer
}

func catchLog(t testing.TB) *logging {
	t.Helper()
	l := &logging{}
	old := logrus.StandardLogger().Out
	logrus.SetOutput(l)
	t.Cleanup(func() { logrus.SetOutput(old) })
	return l
}

func (l *logging) Write(line []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(line)
}

func (l *logging) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within 20 s: ", what)
		}
	}
}

// ask sends a request's text on a connection of its own and reads one answer.
func ask(t testing.TB, address, request string) (*http.Response, string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, request) // the server may have had enough
	method, _, _ := strings.Cut(request, " ")
	r, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%.80q: %v", request, err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("%.80q: %v", request, err)
	}
	return r, string(body)
}

// Whatever is asked for is answered: as it should be, or with what to ask for instead.
func TestRoutes(t *testing.T) {
	address := served(t, &Site{}, routes())
	const all = "use POST /predict, GET /models/{name}, POST /models/{name}, GET /healthz, GET /"
	for _, test := range []struct {
		line   string // of the request: method and target
		status int
		allow  string
		want   string
	}{
		{"POST /predict", 200, "", "POST  0 bytes"},
		{"POST /predict?top=3&layer=fc6", 200, "", "POST"},
		{"POST /predict?", 200, "", "POST"},
		{"GET /models/a%2Fb", 200, "", "GET a/b 0 bytes"},
		{"GET /", 200, "", "GET"},
		{"HEAD /healthz", 200, "", ""},
		{"GET http://x/healthz", 200, "", "GET"},
		{"GET http://elsewhere.example:80/healthz", 200, "", "GET"},
		{"POST /%70redict", 200, "", "POST"},
		{"POST /predict?tpo=3", 400, "", `unknown parameter (did you mean top?): /predict takes top, layer`},
		{"POST /predict?top=3&top=3", 400, "", "the parameter top is given 2 times: give it once"},
		{"POST /predict?top=3&TOP=3", 400, "", `unknown parameter`},
		{"POST /predict?=3", 400, "", `unknown parameter`},
		{"POST /predict?top=3;layer=x", 400, "", "the query cannot be read (invalid semicolon separator in query): give NAME=VALUE"},
		{"POST /predict?top=%zz", 400, "", "the query cannot be read"},
		{"GET /healthz?x=" + strings.Repeat("y", 2000), 400, "", `unknown parameter: /healthz takes none`},
		{"GET /healthz?" + strings.Repeat("y", 2000) + "=1", 400, "", "/healthz takes none"},
		{"GET /predict", 405, "POST, OPTIONS", "/predict takes POST, OPTIONS"},
		{"HEAD /predict", 405, "POST, OPTIONS", ""},
		{"DELETE /models/x", 405, "GET, HEAD, POST, OPTIONS", `"DELETE": /models/x takes GET, HEAD, POST, OPTIONS`},
		{"NONSENSE /healthz", 405, "GET, HEAD, OPTIONS", "/healthz takes GET"},
		{"get /healthz", 405, "GET, HEAD, OPTIONS", "/healthz takes GET"},
		{"PUT /", 405, "GET, HEAD, OPTIONS", "/ takes GET"},
		{"OPTIONS /predict", 204, "POST, OPTIONS", ""},
		{"OPTIONS *", 204, "", ""},
		{"OPTIONS /nowhere", 404, "", all},
		{"GET /nowhere", 404, "", all},
		{"POST /predit", 404, "", `there is no such path (did you mean /predict?): ` + all},
		{"POST /predict/", 404, "", "did you mean /predict?"},
		{"POST //predict", 404, "", "did you mean /predict?"},
		{"POST /./predict", 404, "", all},
		{"POST /x/../predict", 404, "", all},
		{"POST /predict%2F", 404, "", all},
		{"POST /predict%00", 404, "", all},
		{"POST /PREDICT", 404, "", "did you mean /predict?"},
		{"GET /" + strings.Repeat("x", 4000), 404, "", all},
		{"GET /<script>", 404, "", all},
		{"GET /%ff%fe", 404, "", all},
		{"CONNECT x:80", 404, "", all},
		{"GET *", 404, "", all},
	} {
		r, body := ask(t, address, test.line+" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		if r.StatusCode != test.status || r.Header.Get("Allow") != test.allow || !strings.Contains(strings.ReplaceAll(body, `\"`, `"`), strings.ReplaceAll(test.want, `\"`, `"`)) {
			t.Errorf("%.60s: %d, Allow %q, %s; want %d, %q, %s", test.line, r.StatusCode, r.Header.Get("Allow"), body, test.status, test.allow, test.want)
		}
		if test.status >= 400 && r.Header.Get("Content-Type") != "application/json" || len(body) > 1000 {
			t.Errorf("%.60s: %q, %s", test.line, r.Header.Get("Content-Type"), body)
		}
		if strings.HasPrefix(test.line, "HEAD") && body != "" {
			t.Errorf("%s has a body: %s", test.line, body)
		}
		if r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%.60s: headers %v", test.line, r.Header)
		}
	}
}

// Requests that follow one another on a connection are answered in their order, whichever of them are refused.
func TestRoutesPipelined(t *testing.T) {
	address := served(t, &Site{}, routes())
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	requests := []struct {
		line, body string
		status     int
	}{
		{"GET /healthz", "", 200}, {"POST /predict", "abc", 200}, {"POST /nowhere", "GET /healthz HTTP/1.1\r\n\r\n", 404}, {"GET /predict", "", 405},
		{"POST /predict?x=1", "abcdef", 400}, {"OPTIONS *", "", 204}, {"GET /healthz", "a body with a GET", 200},
	}
	for _, r := range requests {
		fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", r.line, len(r.body), r.body)
	}
	answers := bufio.NewReader(c)
	for _, want := range requests {
		r, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(want.line, err)
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != want.status {
			t.Errorf("%s is answered with %d, %v", want.line, r.StatusCode, err)
		}
	}
}

// A client that sends all before it reads sees why it is refused, however much it sends, and one that never sends the
// rest is not waited for.
func TestRefusedBodiesAreReadOn(t *testing.T) {
	address := served(t, &Site{}, routes())
	large := strings.Repeat("x", 8<<20)
	for name, heading := range map[string]string{
		"of a length": fmt.Sprintf("Content-Length: %d\r\n\r\n", len(large)), "chunked": fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n", len(large)),
	} {
		if r, body := ask(t, address, "POST /nowhere HTTP/1.1\r\nHost: x\r\n"+heading+large+"\r\n0\r\n\r\n"); r.StatusCode != 404 {
			t.Errorf("%s: %d %s", name, r.StatusCode, body)
		}
	}
	begin := time.Now()
	if r, body := ask(t, address, "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc"); r.StatusCode != 404 || time.Since(begin) > 4*time.Second {
		t.Errorf("a client that sends no more is answered after %s with %d %s", time.Since(begin), r.StatusCode, body)
	}
	if r, _ := ask(t, address, "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"); r.StatusCode != 404 || !r.Close {
		t.Errorf("a client that asks first is answered with %d", r.StatusCode)
	}
}

// A handler's answer has the length and the headers that it would have without what is around it.
func TestHandlerIsLeftAlone(t *testing.T) {
	own := []Route{{Pattern: "POST /", Handler: func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'")
		if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Error(err)
		}
		fmt.Fprint(w, "four")
	}}}
	server := httptest.NewServer((&Site{}).Handler(own))
	defer server.Close()
	r, err := http.Post(server.URL, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.ContentLength != 4 || r.Header.Get("Content-Security-Policy") != "default-src 'self'" {
		t.Errorf("the answer has %d bytes and headers %v", r.ContentLength, r.Header)
	}
}
