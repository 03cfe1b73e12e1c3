package web

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Pairs of files that are none are refused, with what to do.
func TestOpenRefusesCertificates(t *testing.T) {
	catchLog(t)
	dir, a := t.TempDir(), newAuthority(t)
	certificate, key := a.sign(t, time.Now().Add(time.Hour), false)
	other, _ := a.sign(t, time.Now().Add(time.Hour), false)
	root := pemOf("CERTIFICATE", a.certificate.Raw)
	block, _ := pem.Decode([]byte(certificate))
	for name, test := range map[string]struct{ certificate, key, want string }{
		"right":                 {certificate, key, ""},
		"with its authority":    {certificate + root, key, ""},
		"in one file":           {certificate + key, certificate + key, ""},
		"swapped":               {key, certificate, "the two files have changed places"},
		"of two pairs":          {other, key, "give the key that the certificate was made with"},
		"authority first":       {root + certificate, key, "the server's certificate before those of authorities"},
		"cut off":               {certificate[:len(certificate)/2], key, "give PEM files"},
		"key cut off":           {certificate, key[:len(key)/2], "give PEM files"},
		"empty":                 {"", key, "the file is empty"},
		"empty key":             {certificate, "\n", "the file is empty"},
		"DER":                   {string(block.Bytes), key, "openssl x509 -inform DER"},
		"text":                  {"certificate", "key", "give PEM files"},
		"encrypted":             {certificate, pemOf("ENCRYPTED PRIVATE KEY", []byte("\x30\x03\x02\x01\x00")), "the key is encrypted"},
		"far too long":          {certificate, strings.Repeat("x", maxFile+1), "is it the right file?"},
		"a key without meaning": {certificate, pemOf("PRIVATE KEY", []byte("x")), "give PEM files"},
	} {
		o := Options{Certificate: write(t, dir, "cert.pem", test.certificate), Key: write(t, dir, "key.pem", test.key)}
		_, err := o.Open()
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (!errors.Is(err, ErrOptions) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "--tls-cert")):
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
	for want, o := range map[string]Options{
		"without its private key: give that, too, by --tls-key":  {Certificate: "x"},
		"without its certificate: give that, too, by --tls-cert": {Key: "x"},
		"no such file":   {Certificate: filepath.Join(dir, "none"), Key: filepath.Join(dir, "none")},
		"is a directory": {Certificate: dir, Key: dir},
	} {
		if _, err := o.Open(); !errors.Is(err, ErrOptions) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "--tls-") {
			t.Errorf("%+v: %v, want %s", o, err, want)
		}
	}
}

// What clients will refuse is said at the start.
func TestWarningsOfCertificates(t *testing.T) {
	a := newAuthority(t)
	for name, test := range map[string]struct {
		until    time.Time
		nameless bool
		want     string
	}{
		"valid":      {time.Now().Add(time.Hour), false, "level=info"},
		"expired":    {time.Now().Add(-time.Hour), false, "the certificate expired on "},
		"of later":   {time.Now().Add(48 * time.Hour), false, "the certificate is not valid before "},
		"of nothing": {time.Now().Add(time.Hour), true, "make one with a subjectAltName"},
	} {
		log, dir := catchLog(t), t.TempDir()
		certificate, key := a.sign(t, test.until, test.nameless)
		opened(t, Options{Certificate: write(t, dir, "cert.pem", certificate), Key: write(t, dir, "key.pem", key)})
		if text := log.String(); !strings.Contains(text, test.want) || strings.Contains(text, "level=warning") == (name == "valid") {
			t.Errorf("%s: %q, want %s", name, text, test.want)
		}
	}
}

// A certificate that expires while the server runs is said once.
func TestCertificateExpires(t *testing.T) {
	log, dir, a := catchLog(t), t.TempDir(), newAuthority(t)
	certificate, key := a.sign(t, time.Now().Add(2*time.Second), false)
	served(t, opened(t, Options{Certificate: write(t, dir, "cert.pem", certificate), Key: write(t, dir, "key.pem", key)}), routes())
	if strings.Contains(log.String(), "expired") {
		t.Error("it has expired before the test began")
	}
	eventually(t, "the end is logged", func() bool { return strings.Contains(log.String(), "expired") })
	time.Sleep(50 * time.Millisecond)
	if text := log.String(); strings.Count(text, "expired") != 1 {
		t.Errorf("the log: %s", text)
	}
}

// Real clients over TLS: HTTP/2 and 1.1, TLS 1.3 and 1.2 but nothing older, and a word for those without TLS.
func TestTLS(t *testing.T) {
	catchLog(t)
	dir, a := t.TempDir(), newAuthority(t)
	certificate, key := a.sign(t, time.Now().Add(time.Hour), false)
	s := opened(t, Options{Certificate: write(t, dir, "cert.pem", certificate), Key: write(t, dir, "key.pem", key)})
	if s.Scheme() != "https" || (&Site{}).Scheme() != "http" {
		t.Error("the schemes are wrong")
	}
	address := served(t, s, routes())
	for name, test := range map[string]struct {
		more     func(*tls.Config)
		protocol string
		version  uint16
	}{
		"usual":    {nil, "HTTP/2.0", tls.VersionTLS13},
		"TLS 1.2":  {func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, "HTTP/2.0", tls.VersionTLS12},
		"TLS 1.1":  {func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, "", 0},
		"HTTP/1.1": {func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }, "HTTP/1.1", tls.VersionTLS13},
		"stranger": {func(c *tls.Config) { c.RootCAs = x509.NewCertPool() }, "", 0},
	} {
		client := a.client(t, test.more)
		if name == "HTTP/1.1" {
			client.Transport.(*http.Transport).ForceAttemptHTTP2 = false
		}
		r, body, _, err := fetch(client, "https://"+address+"/healthz")
		if test.version == 0 {
			if err == nil {
				t.Errorf("%s: %d %s", name, r.StatusCode, body)
			}
			continue
		}
		if err != nil || r.StatusCode != 200 || r.Proto != test.protocol || r.TLS.Version != test.version {
			t.Errorf("%s: %v, %+v", name, err, r)
		}
	}
	if r, body := ask(t, address, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); r.StatusCode != 400 || !strings.Contains(body, "Client sent an HTTP request to an HTTPS server.") {
		t.Errorf("plain HTTP is answered with %d %s", r.StatusCode, body)
	}
	curl(t, write(t, dir, "root.pem", pemOf("CERTIFICATE", a.certificate.Raw)), address)
}

// What is said at the start depends on who can reach the server.
func TestTerms(t *testing.T) {
	catchLog(t)
	dir, a := t.TempDir(), newAuthority(t)
	certificate, key := a.sign(t, time.Now().Add(time.Hour), false)
	o := Options{TokenFile: write(t, dir, "tokens", firstToken)}
	tokens := opened(t, o)
	o.Certificate, o.Key = write(t, dir, "cert.pem", certificate), write(t, dir, "key.pem", key)
	both := opened(t, o)
	here, anywhere := &net.TCPAddr{IP: net.IPv6loopback, Port: 80}, &net.TCPAddr{IP: net.IPv6zero, Port: 80}
	for _, test := range []struct {
		site *Site
		at   net.Addr
		want string
	}{
		{&Site{}, here, ""},
		{&Site{}, anywhere, " to everybody who reaches it (--token-file asks for tokens)"},
		{tokens, here, " to whoever has a token"},
		{tokens, anywhere, " to whoever has a token, which others can read on the network (--tls-cert encrypts)"},
		{both, anywhere, " to whoever has a token"},
	} {
		if got := test.site.Terms(test.at); got != test.want {
			t.Errorf("at %s: %q, want %q", test.at, got, test.want)
		}
	}
}

// curl asks by curl, if it is there.
func curl(t *testing.T, root, address string) {
	program, err := exec.LookPath("curl")
	if err != nil {
		t.Log("there is no curl to try")
		return
	}
	for _, test := range [][]string{
		{"--cacert", root, "--data-binary", "abc", "https://" + address + "/predict", "POST  3 bytes 200"},
		{"--cacert", root, "--http1.1", "-X", "POST", "https://" + address + "/predict?x=1", "unknown parameter", " 400"},
		{"--cacert", root, "--tls-max", "1.2", "https://" + address + "/healthz", "GET  0 bytes 200"},
		{"https://" + address + "/healthz", "", "000"}, // does not know the authority
	} {
		end := len(test) - 1
		for ; !strings.HasPrefix(test[end], "https://"); end-- {
		}
		out, err := exec.CommandContext(t.Context(), program, append([]string{"-q", "-s", "-w", " %{http_code}"}, test[:end+1]...)...).Output()
		for _, want := range test[end+1:] {
			if !strings.Contains(string(out), want) {
				t.Errorf("curl %s: %s, %v; want %q", test[:end+1], out, err, want)
			}
		}
	}
}

// A certificate is renewed while requests run: none fails, new connections get the new one, and files that do not
// belong together change nothing.
func TestCertificateIsRenewed(t *testing.T) {
	log, dir, a := catchLog(t), t.TempDir(), newAuthority(t)
	put := func(certificate, key string) {
		write(t, dir, "cert.pem", certificate)
		time.Sleep(20 * time.Millisecond) // the server looks in between
		write(t, dir, "key.pem", key)
	}
	certificate, key := a.sign(t, time.Now().Add(time.Hour), false)
	put(certificate, key)
	address := served(t, opened(t, Options{Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}), routes())
	url := "https://" + address + "/healthz"
	var requests atomic.Int64
	stop := make(chan struct{})
	var group sync.WaitGroup
	for i := range 4 {
		client := a.client(t, nil)
		client.Transport.(*http.Transport).DisableKeepAlives = i < 2 // a handshake for each request
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if r, _, _, err := fetch(client, url); err != nil || r.StatusCode != 200 {
					t.Errorf("a request during renewal: %v", err)
					return
				}
				requests.Add(1)
			}
		})
	}
	serial := func() int64 {
		client := a.client(t, nil)
		_, _, n, err := fetch(client, url)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 5 {
		certificate, key := a.sign(t, time.Now().Add(time.Hour), false)
		want := a.serial + 1
		put(certificate, key)
		eventually(t, "the new certificate is used", func() bool { return serial() == want })
	}
	if n := strings.Count(log.String(), "stay as they were"); n == 0 {
		t.Error("nothing is said of a certificate without its key")
	}
	now := serial()
	strange, _ := a.sign(t, time.Now().Add(time.Hour), false)
	for _, broken := range []string{strange, "", certificate[:100]} {
		before := strings.Count(log.String(), "stay as they were")
		write(t, dir, "cert.pem", broken)
		eventually(t, "it is logged", func() bool { return strings.Count(log.String(), "stay as they were") > before })
		if n := serial(); n != now {
			t.Errorf("the certificate is %d, not %d", n, now)
		}
	}
	if err := os.Remove(filepath.Join(dir, "key.pem")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the loss is logged", func() bool { return strings.Contains(log.String(), "no such file") })
	if n := serial(); n != now {
		t.Errorf("without its key, the certificate is %d, not %d", n, now)
	}
	close(stop)
	group.Wait()
	t.Logf("%d requests during seven renewals", requests.Load())
	if strings.Contains(log.String(), "PRIVATE KEY-----") {
		t.Error("the log shows the key")
	}
}

// Clients that do not get on with the handshake are cut off, and say nothing in the log of those who did not ask.
func TestIdleHandshakes(t *testing.T) {
	log, dir, a := catchLog(t), t.TempDir(), newAuthority(t)
	certificate, key := a.sign(t, time.Now().Add(time.Hour), false)
	address := served(t, opened(t, Options{Certificate: write(t, dir, "cert.pem", certificate), Key: write(t, dir, "key.pem", key)}), routes())
	begin := time.Now()
	var idle []net.Conn
	for i := range 50 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = c.Write([]byte("\x16\x03\x01\x02\x00\x01")[:i%7])
		idle = append(idle, c)
	}
	if _, _, _, err := fetch(a.client(t, nil), "https://"+address+"/healthz"); err != nil || time.Since(begin) > 3*time.Second {
		t.Errorf("beside them a client is answered after %s, %v", time.Since(begin), err)
	}
	for _, c := range idle {
		if err := c.SetReadDeadline(begin.Add(15 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(c).ReadByte(); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("a client in the handshake is not cut off")
		}
	}
	t.Logf("they are cut off within %s", time.Since(begin))
	if text := log.String(); bytes.Contains([]byte(text), []byte("handshake")) {
		t.Errorf("the log: %s", text)
	}
}
