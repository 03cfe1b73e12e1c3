package wrongclock_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fovea/internal/wrongclock"
)

// TestCertificates asks a server by clocks that are right and wrong.
func TestCertificates(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	certificate := server.Certificate()
	for at, wrong := range map[time.Time]bool{certificate.NotBefore.Add(time.Hour): false, certificate.NotBefore.Add(-time.Hour): true, certificate.NotAfter.Add(time.Hour): true} {
		client := server.Client()
		transport := client.Transport.(*http.Transport).Clone()
		transport.TLSClientConfig.Time = func() time.Time { return at }
		client.Transport = transport
		answer, err := client.Get(server.URL)
		if err == nil {
			answer.Body.Close()
		}
		explained := wrongclock.Explain(err)
		if wrong != (err != nil) || wrong && (!errors.Is(explained, err) || !strings.Contains(explained.Error(), "this machine's clock says 2")) {
			t.Errorf("at %s: %v", at, explained)
		}
		transport.CloseIdleConnections()
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: x509.NewCertPool()}}
	defer transport.CloseIdleConnections()
	_, err := (&http.Client{Transport: transport}).Get(server.URL) //nolint:bodyclose // there is none
	if err == nil || wrongclock.Explain(err) != err {
		t.Errorf("an unknown authority gives %v", wrongclock.Explain(err))
	}
}

type refusal string

func (r refusal) Error() string     { return "refused" }
func (r refusal) ErrorCode() string { return string(r) }

func TestRefused(t *testing.T) {
	for err, want := range map[error]bool{
		nil: false, errors.New("x"): false, refusal("AccessDenied"): false, refusal("RequestTimeTooSkewed"): true, fmt.Errorf("list: %w", refusal("RequestExpired")): true,
	} {
		explained := wrongclock.Explain(err)
		if wrongclock.Refused(err) != want || want != (err != nil && strings.Contains(explained.Error(), "set it if it is wrong")) {
			t.Errorf("%v: %v", err, explained)
		}
	}
}
