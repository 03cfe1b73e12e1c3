package cmd_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// selfSigned writes a certificate for 127.0.0.1 and its key into a directory, as users make them.
func selfSigned(t *testing.T, dir string, serial int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	secret, err := x509.MarshalECPrivateKey(key)
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, "cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}), 0o600))
	certificate, err := x509.ParseCertificate(der)
	check(t, err)
	return certificate
}

// The program serves over TLS to whoever has a token, tells pages of an origin that they may call it, takes a new
// certificate and new tokens while it runs, and logs each request, but no token.
func TestServeForTheWeb(t *testing.T) {
	t.Parallel()
	const first, second = "the-first-token-of-all", "the-second-token-of-all"
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "tokens"), []byte("# of A\n"+first+"\n"), 0o600))
	certificate := selfSigned(t, dir, 1)
	head, photos := smallHead(t, dir)
	command := exec.Command(filepath.Join(binaries, "finetune"), "serve", "--model", smallModel, "--head", head, "--listen", "127.0.0.1:0", "--log-format", "json", "--access-log",
		"--token-file", filepath.Join(dir, "tokens"), "--tls-cert", filepath.Join(dir, "cert.pem"), "--tls-key", filepath.Join(dir, "key.pem"), "--cors", "https://app.example")
	stderr, err := command.StderrPipe()
	check(t, err)
	check(t, command.Start())
	var log bytes.Buffer
	lines := bufio.NewScanner(stderr)
	wait := func(text string) {
		t.Helper()
		for lines.Scan() {
			log.WriteString(lines.Text() + "\n")
			if strings.Contains(lines.Text(), text) {
				return
			}
		}
		t.Fatalf("the server does not say %q: %s", text, log.String())
	}
	wait("predicting ")
	at := regexp.MustCompile(`https://[^/]*/`).FindString(log.String())
	if !strings.Contains(log.String(), "/predict to whoever has a token") || !strings.Contains(log.String(), "the certificate is valid until") {
		t.Errorf("the server begins with %s", log.String())
	}
	image, err := os.ReadFile(filepath.Join(photos, "cat", "0.png"))
	check(t, err)
	ask := func(token string) (*http.Response, string) {
		t.Helper()
		pool := x509.NewCertPool()
		pool.AddCert(certificate)
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
		defer client.CloseIdleConnections()
		request, err := http.NewRequest(http.MethodPost, at+"predict", bytes.NewReader(image))
		check(t, err)
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Origin", "https://app.example")
		request.Header.Set("User-Agent", "a client")
		answer, err := client.Do(request)
		check(t, err)
		body, err := io.ReadAll(answer.Body)
		check(t, err)
		check(t, answer.Body.Close())
		return answer, string(body)
	}
	expect := func(token string, status int) {
		t.Helper()
		if answer, body := ask(token); answer.StatusCode != status || answer.Proto != "HTTP/2.0" || answer.Header.Get("Access-Control-Allow-Origin") != "https://app.example" {
			t.Errorf("%s is answered with %+v %s", token, answer, body)
		}
		wait(`"msg":"request"`)
	}
	expect(first, 200)
	expect(second, 401)
	check(t, os.WriteFile(filepath.Join(dir, "tokens"), []byte(second+"\n"), 0o600))
	wait("the tokens were read again")
	expect(second, 200)
	expect(first, 401)
	certificate = selfSigned(t, dir, 2)
	wait("the certificate and its key were read again")
	expect(second, 200)
	check(t, command.Process.Signal(os.Interrupt))
	for lines.Scan() {
		log.WriteString(lines.Text() + "\n")
	}
	_ = command.Wait() // it was interrupted
	requests := 0
	for line := range strings.Lines(log.String()) {
		var entry map[string]any
		check(t, json.Unmarshal([]byte(line), &entry))
		if entry["msg"] == "request" {
			requests++
			if entry["path"] != "/predict" || entry["user_agent"] != "a client" || entry["method"] != "POST" || entry["protocol"] != "HTTP/2.0" {
				t.Errorf("a request is logged as %s", line)
			}
		}
	}
	if requests != 5 || strings.Contains(log.String(), first) || strings.Contains(log.String(), second) {
		t.Errorf("%d requests in the log: %s", requests, log.String())
	}
}
