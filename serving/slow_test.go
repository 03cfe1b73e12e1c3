package serving

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// dial connects to a server as a client would that minds no rules.
func dial(t testing.TB, url string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return c
}

// say writes to a connection; that the server has had enough is not an error here.
func say(c net.Conn, format string, args ...any) { _, _ = fmt.Fprintf(c, format, args...) }

// hear reads one answer of a connection.
func hear(t testing.TB, r *bufio.Reader) (*http.Response, string) {
	t.Helper()
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer answer.Body.Close() // read to its end
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

func heading(length int, more string) string {
	return fmt.Sprintf("POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%s\r\n", length, more)
}

// hurried is a server that gives bodies 300 ms to make progress.
func hurried(t *testing.T, o ServerOptions) (*Server, string, func() error) {
	t.Helper()
	s := redServer(t, redPredictor(&redness{}), o)
	s.bodies.window = 300 * time.Millisecond
	url, stop := start(t, s)
	return s, url, stop
}

// drained waits until no body and no slot is held.
func drained(t *testing.T, s *Server) {
	t.Helper()
	held := func() int64 {
		s.bodies.mutex.Lock()
		defer s.bodies.mutex.Unlock()
		return s.bodies.held + int64(s.bodies.arriving.Len()) + int64(len(s.slots))
	}
	for deadline := time.Now().Add(20 * time.Second); held() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes, bodies and slots are still held", held())
		}
	}
}

// What clients may do with a connection: each is answered as it deserves, or cut off, and holds nothing
// afterwards.
func TestServerOddClients(t *testing.T) {
	s, url, _ := hurried(t, usual)
	image := coloured(t, 220)
	chunked := fmt.Sprintf("POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(image), image)
	whole := heading(len(image), "") + string(image)
	for name, test := range map[string]struct {
		send   []string // with a pause before all but the first
		half   bool     // then close the sending half
		status []int
		want   string
	}{
		"whole":                      {send: []string{whole}, status: []int{200}, want: `"red"`},
		"in pieces":                  {send: []string{whole[:20], whole[20:90], whole[90:]}, status: []int{200}, want: `"red"`},
		"chunked":                    {send: []string{chunked}, status: []int{200}, want: `"red"`},
		"chunked, in pieces":         {send: []string{chunked[:75], chunked[75:80], chunked[80:]}, status: []int{200}, want: `"red"`},
		"chunks without end":         {send: []string{chunked[:len(chunked)-5]}, status: []int{408}, want: "use a faster connection"},
		"chunks of no length":        {send: []string{"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"}, status: []int{400}, want: "cannot read the image"},
		"stops in the middle":        {send: []string{whole[:len(whole)-9]}, status: []int{408}, want: "fewer than 40960 bytes of the image arrived within 300ms"},
		"never begins":               {send: []string{heading(30, "")}, status: []int{408}, want: "send a smaller file"},
		"closes in the middle":       {send: []string{whole[:len(whole)-9]}, half: true, status: []int{400}, want: "unexpected EOF"},
		"promises too much":          {send: []string{heading(1<<16+1, "")}, status: []int{413}, want: "more than 65536 bytes"},
		"promises far too much":      {send: []string{heading(1<<60, "")}, status: []int{413}, want: "more than 65536 bytes"},
		"sends too much in chunks":   {send: []string{fmt.Sprintf("POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s", 1<<17, make([]byte, 1<<17))}, status: []int{413}, want: "more than 65536 bytes"},
		"sends far too much":         {send: []string{heading(30<<20, "") + string(make([]byte, 30<<20))}, status: []int{413}, want: "more than 65536 bytes"},
		"a length that is too short": {send: []string{heading(len(image)-9, "") + string(image) + "\r\n\r\n"}, status: []int{422, 400}},
		"two at once":                {send: []string{whole + whole}, status: []int{200, 200}, want: `"red"`},
		"two, one after the other":   {send: []string{whole, whole}, status: []int{200, 200}, want: `"red"`},
		"an empty body":              {send: []string{heading(0, "")}, status: []int{422}},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, url)
			for i, part := range test.send {
				if i > 0 {
					time.Sleep(50 * time.Millisecond)
				}
				say(c, "%s", part)
			}
			if test.half {
				if err := c.(*net.TCPConn).CloseWrite(); err != nil {
					t.Fatal(err)
				}
			}
			answers := bufio.NewReader(c)
			for i, want := range test.status {
				answer, body := hear(t, answers)
				if answer.StatusCode != want || i == 0 && !strings.Contains(body, test.want) {
					t.Errorf("answer %d is %d %s, want %d %s", i+1, answer.StatusCode, body, want, test.want)
				}
			}
			if last := test.status[len(test.status)-1]; last == 408 || last == 413 || last == 400 {
				if rest, err := io.ReadAll(answers); len(rest) > 0 {
					t.Errorf("after the answer come %q, %v", rest, err)
				}
			}
		})
	}
	drained(t, s)
}

// A client that asks first whether to send is told before it sends.
func TestServerExpectContinue(t *testing.T) {
	s, url, _ := hurried(t, usual)
	image := coloured(t, 220)
	c := dial(t, url)
	say(c, "%s", heading(len(image), "Expect: 100-continue\r\n"))
	answers := bufio.NewReader(c)
	if line, err := answers.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := answers.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	say(c, "%s", image)
	if answer, body := hear(t, answers); answer.StatusCode != 200 {
		t.Errorf("the answer is %d %s", answer.StatusCode, body)
	}
	c = dial(t, url)
	say(c, "%s", heading(1<<20, "Expect: 100-continue\r\n"))
	if answer, body := hear(t, bufio.NewReader(c)); answer.StatusCode != 413 || !answer.Close {
		t.Errorf("the answer is %d %s", answer.StatusCode, body)
	}
	drained(t, s)
}

// A half-closed connection is a closed one to Go's server: it is answered or ended, and holds nothing.
func TestServerHalfClosed(t *testing.T) {
	e := &redness{gate: make(chan struct{})}
	s := redServer(t, redPredictor(e), usual)
	url, _ := start(t, s)
	image := coloured(t, 220)
	c := dial(t, url)
	say(c, "%s%s", heading(len(image), ""), image)
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answer, body := hear(t, bufio.NewReader(c)); answer.StatusCode != statusGone || !strings.Contains(body, "keep both directions open") {
		t.Errorf("the answer is %d %s", answer.StatusCode, body)
	}
	close(e.gate)
	drained(t, s)
}

// Every answer has the headers that keep browsers from harm.
func TestServerHeaders(t *testing.T) {
	s, url, _ := hurried(t, usual)
	for _, request := range []string{
		"GET /healthz", "GET /metrics", "GET /predict", "GET /nowhere", "PUT /healthz", "GET //healthz", "OPTIONS *", "OPTIONS /predict", "HEAD /healthz", "POST /predict",
	} {
		c := dial(t, url)
		say(c, "%s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", request)
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(request, err)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		} {
			if got := answer.Header.Get(name); got != want {
				t.Errorf("%s is answered with %d, %s: %q", request, answer.StatusCode, name, got)
			}
		}
	}
	drained(t, s)
}

// A body that arrives quickly takes the memory of those that do not; a small one always has some.
func TestBodiesShareMemory(t *testing.T) {
	s := redServer(t, redPredictor(&redness{}), ServerOptions{MaxBytes: 1 << 20})
	s.bodies.limit, s.bodies.reserved, s.bodies.small = 1<<20, 1<<18, 1<<16
	s.bodies.window, s.bodies.stale = time.Minute, time.Minute // however long this machine takes for what follows
	url, _ := start(t, s)
	part := make([]byte, 150<<10)
	slow := make([]net.Conn, 4) // hold 640 KiB of 768, as pieces double
	for i := range slow {
		slow[i] = dial(t, url)
		say(slow[i], "%s%s", heading(1<<20, ""), part)
	}
	arrived := func(want int64) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			s.bodies.mutex.Lock()
			held := s.bodies.held
			s.bodies.mutex.Unlock()
			if held >= want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d bytes are held, not %d", held, want)
			}
		}
	}
	arrived(600 << 10)
	large := make([]byte, 400<<10)
	if status, answer := post(t, url, large); status != 503 || !strings.Contains(answer, "memory for images that arrive is full") {
		t.Errorf("a large body beside others that arrive is answered with %d %s", status, answer)
	}
	if status, answer := post(t, url, coloured(t, 220)); status != 200 {
		t.Errorf("a small body beside large ones is answered with %d %s", status, answer)
	}
	s.bodies.goStale()
	if status, answer := post(t, url, large); status != 422 {
		t.Errorf("a large body beside others that do not arrive is answered with %d %s", status, answer)
	}
	answer, body := hear(t, firstAnswer(t, slow)) // of whichever was longest without progress
	if answer.StatusCode != 503 || answer.Header.Get("Retry-After") == "" || !strings.Contains(body, "try again") {
		t.Errorf("a body that loses its memory is answered with %d %s", answer.StatusCode, body)
	}
	if _, counted := get(t, url+"/metrics"); !strings.Contains(counted, `finetune_refused_total{reason="file memory"}`) || !strings.Contains(counted, "finetune_body_bytes ") {
		t.Error("the refusals and bytes are not in the metrics")
	}
	for _, c := range slow {
		c.Close()
	}
	drained(t, s)
}

// firstAnswer is what comes from the first of some connections on which something does.
func firstAnswer(t *testing.T, connections []net.Conn) *bufio.Reader {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		for _, c := range connections {
			answer := bufio.NewReader(c)
			_ = c.SetReadDeadline(time.Now().Add(10 * time.Millisecond)) // of one that is closed, reading fails
			_, err := answer.Peek(1)
			_ = c.SetReadDeadline(time.Now().Add(time.Minute)) // as dial has it
			if err == nil {
				return answer
			}
		}
	}
	t.Fatal("no connection is answered within 20 s")
	return nil
}

// goStale waits until all bodies that arrive have made no progress for as long as a server waits for it.
func (s *bodies) goStale() {
	s.mutex.Lock()
	s.stale = stale
	s.mutex.Unlock()
	time.Sleep(stale)
}

// Slow clients do not keep a server from stopping: those that have begun get one window of time.
func TestServerStopsDespiteSlowClients(t *testing.T) {
	s, url, stop := hurried(t, ServerOptions{MaxBytes: 1 << 16, Timeout: time.Minute})
	s.bodies.window = time.Second
	clients := make([]net.Conn, 20)
	for i := range clients {
		clients[i] = dial(t, url)
		switch i % 4 {
		case 0: // connected only
		case 1:
			say(clients[i], "POST /predict HTTP/1.1\r\nHos")
		case 2:
			say(clients[i], "%sx", heading(100, ""))
		case 3: // waits for another request
			say(clients[i], "%s", heading(0, ""))
			hear(t, bufio.NewReader(clients[i]))
		}
	}
	begin := time.Now()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("stopping took %s", took)
	}
	if answer, body := hear(t, bufio.NewReader(clients[2])); answer.StatusCode != 503 || !strings.Contains(body, "stopping") {
		t.Errorf("a body that is not whole when the server stops is answered with %d %s", answer.StatusCode, body)
	}
	drained(t, s)
}

// Connections beyond the most that may be open close those that do nothing.
func TestConnectionsGiveWay(t *testing.T) {
	b := newBodies(ServerOptions{MaxBytes: 1 << 20, Timeout: time.Minute, Memory: 1 << 30})
	c := newConnections(ServerOptions{}, b)
	c.most = 2
	var ours, theirs [4]net.Conn
	closed := func(i int) bool {
		_ = theirs[i].SetReadDeadline(time.Now().Add(time.Millisecond)) // a pipe can do it
		_, err := theirs[i].Read(make([]byte, 1))
		return err == io.EOF
	}
	for i := range ours {
		ours[i], theirs[i] = net.Pipe()
	}
	c.changed(ours[0], http.StateNew)
	c.changed(ours[0], http.StateActive)
	c.changed(ours[1], http.StateNew)
	c.changed(ours[2], http.StateNew)
	if closed(0) || !closed(1) || closed(2) {
		t.Error("not the connection that waits longest gives way")
	}
	c.changed(ours[1], http.StateClosed)
	c.changed(ours[2], http.StateActive)
	c.changed(ours[3], http.StateNew)
	if closed(0) || closed(2) || !closed(3) {
		t.Error("where all others have requests, not the newest gives way")
	}
	c.changed(ours[3], http.StateClosed)
	c.changed(ours[0], http.StateIdle)
	if len(c.open) != 2 || c.waiting.Len() != 1 {
		t.Errorf("%d connections, of which %d wait", len(c.open), c.waiting.Len())
	}
}
