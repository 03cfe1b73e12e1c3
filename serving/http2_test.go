package serving

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fovea/internal/web"
)

// secure is a site with TLS, by the certificate of package httptest.
func secure(t testing.TB) *web.Site {
	t.Helper()
	given := httptest.NewUnstartedServer(http.NotFoundHandler())
	given.StartTLS()
	given.Close()
	pair := given.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	o := web.Options{Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	for file, block := range map[string]*pem.Block{o.Certificate: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, o.Key: {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	site, err := o.Open()
	if err != nil {
		t.Fatal(err)
	}
	return site
}

// trusting is a client that speaks HTTP/2 if the protocol is h2, and asks for no proof of who answers.
func trusting(protocol string) *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: protocol == "h2"}}
}

// Of HTTP/2 what slow clients need.
const (
	preface        = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00" // with empty settings
	frameData      = 0
	frameHeaders   = 1
	frameReset     = 3
	frameSettings  = 4
	flagEndStream  = 1
	flagEndHeaders = 4
)

func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	heading := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return append(binary.BigEndian.AppendUint32(heading, stream), payload...)
}

// Methods of heading2, by HPACK.
const (
	hpackGet  = 0x82
	hpackPost = 0x83
)

// heading2 is a request's heading by HPACK; a length of 0 is not said.
func heading2(method byte, path string, length int) []byte {
	b := append([]byte{method, 0x87, 0x04, byte(len(path))}, path...) // https, :path
	b = append(b, 0x01, 1, 'x')                                       // :authority
	if length > 0 {
		digits := fmt.Sprint(length)
		b = append(append(b, 0x0f, 0x0d, byte(len(digits))), digits...) // content-length
	}
	return b
}

// dial2 is a connection that speaks HTTP/2, with so many requests on it.
func dial2(t testing.TB, url, opening string, requests int, heading []byte, flags byte) net.Conn {
	t.Helper()
	c, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	all := []byte(opening)
	for i := range requests {
		all = append(all, frame(frameHeaders, flagEndHeaders|flags, uint32(2*i+1), heading)...)
	}
	if _, err := c.Write(all); err != nil {
		t.Fatal(err)
	}
	return c
}

// frames counts the frames of a connection by their kind, until there are so many of one.
func frames(t testing.TB, c net.Conn, kind byte, want int) map[byte]int {
	t.Helper()
	counts := map[byte]int{}
	for heading := make([]byte, 9); counts[kind] < want; counts[heading[3]]++ {
		if _, err := io.ReadFull(c, heading); err != nil {
			t.Fatalf("after %v: %v", counts, err)
		}
		if _, err := io.CopyN(io.Discard, c, int64(heading[0])<<16|int64(heading[1])<<8|int64(heading[2])); err != nil {
			t.Fatal(err)
		}
	}
	return counts
}

// until waits until something holds.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within 20 s: ", what)
		}
	}
}

// secured is a server with TLS.
func secured(t *testing.T, e *redness, o ServerOptions) (*Server, string) {
	t.Helper()
	o.Site = secure(t)
	s := redServer(t, redPredictor(e), o)
	s.writeTimeout = 500 * time.Millisecond
	url, _ := start(t, s)
	return s, url
}

// An answer that takes longer than clients have to read it is not cut off, and a refusal ends none of the other
// requests of a connection.
func TestHTTP2SharesConnections(t *testing.T) {
	e := &redness{gate: make(chan struct{})}
	s, url := secured(t, e, usual)
	client := trusting("h2")
	defer client.CloseIdleConnections()
	send := func(body []byte) (status int, answer string, reused bool) {
		var connection httptrace.GotConnInfo
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { connection = i }})
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/predict", bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return 0, "", false
		}
		r, err := client.Do(request)
		if err != nil {
			t.Error(err)
			return 0, "", false
		}
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		return r.StatusCode, string(text), connection.Reused
	}
	if status, answer, _ := send(nil); status != 422 {
		t.Errorf("no image is answered with %d %s", status, answer)
	}
	var group sync.WaitGroup
	image := coloured(t, 220)
	for range 3 {
		group.Go(func() {
			if status, answer, reused := send(image); status != 200 || !reused {
				t.Errorf("a slow answer is %d %s, on the same connection: %t", status, answer, reused)
			}
		})
	}
	until(t, "three images are computed", func() bool { return len(s.slots) == 3 })
	for range 3 {
		if status, answer, reused := send(make([]byte, 1<<17)); status != 413 || !reused {
			t.Errorf("a large file is answered with %d %s, on the same connection: %t", status, answer, reused)
		}
	}
	time.Sleep(2 * s.writeTimeout)
	close(e.gate)
	group.Wait()
	drained(t, s)
}

// A client that takes no data is cut off, with all its requests.
func TestHTTP2ClientThatReadsNothing(t *testing.T) {
	s, url := secured(t, &redness{}, usual)
	const requests = 50
	settings := string(frame(frameSettings, 0, 0, []byte{0, 4, 0, 0, 0, 0})) // an initial window of 0
	c := dial2(t, url, preface[:24]+settings, requests, heading2(hpackGet, "/metrics", 0), flagEndStream)
	begin := time.Now()
	counts := frames(t, c, frameReset, requests)
	if counts[frameData] > 0 || time.Since(begin) > 10*time.Second {
		t.Errorf("after %s: %v", time.Since(begin), counts)
	}
	until(t, "no request is open", func() bool { return s.open.Load() == 0 })
}

// Beyond the most requests that may be open on all connections together, bodies that make no progress give way.
func TestHTTP2OpenRequestsAreBounded(t *testing.T) {
	s, url := secured(t, &redness{}, ServerOptions{MaxBytes: 1 << 20})
	s.bodies.window, s.bodies.stale = time.Minute, time.Minute // however long this machine takes for so many connections
	const each = 60
	heading := heading2(hpackPost, "/predict", 60_000)
	for range s.options.mostConnections()/each + 1 {
		dial2(t, url, preface, each, heading, 0)
	}
	until(t, "so many are open that some have been refused", func() bool {
		_, counted := get2(t, trusting(""), url+"/healthz")
		return counted == "ok\n" && int(s.open.Load()) == s.options.mostConnections()
	})
	s.bodies.goStale()
	client := trusting("h2")
	defer client.CloseIdleConnections()
	for range 20 {
		r, err := client.Post(url+"/predict", "image/png", bytes.NewReader(coloured(t, 220)))
		if err != nil {
			t.Fatal(err)
		}
		if r.Body.Close(); r.StatusCode != 200 {
			t.Errorf("an honest client is answered with %d", r.StatusCode)
		}
	}
	// Those too many were refused, or others that had made no progress gave way.
	_, counted := get2(t, trusting(""), url+"/metrics")
	if !strings.Contains(counted, `finetune_refused_total{reason="open requests"}`) && !strings.Contains(counted, `finetune_refused_total{reason="file memory"}`) {
		t.Error("those refused are not in the metrics")
	}
}

func get2(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	defer client.CloseIdleConnections()
	return getBy(t, client, url)
}

// Clients that ask and ask and never read are cut off, while others are answered.
func TestServerClientsThatNeverRead(t *testing.T) {
	s := redServer(t, redPredictor(&redness{}), usual)
	s.writeTimeout = 500 * time.Millisecond
	url, _ := start(t, s)
	const clients = 4
	asked := strings.Repeat("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 3000) // some 30 MB of answers
	var cut sync.WaitGroup
	for range clients {
		c := dial(t, url)
		if err := c.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
			t.Fatal(err)
		}
		cut.Go(func() {
			for {
				if _, err := io.WriteString(c, asked); err != nil {
					if errors.Is(err, os.ErrDeadlineExceeded) {
						t.Error("a client that never reads is not cut off")
					}
					return
				}
			}
		})
	}
	for range 50 {
		if status, answer := post(t, url, coloured(t, 220)); status != 200 {
			t.Errorf("an honest client is answered with %d %s", status, answer)
		}
	}
	cut.Wait()
	drained(t, s)
}
