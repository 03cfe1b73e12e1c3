package metrics

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func scrape(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() // read to its end
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v", response.StatusCode, err)
	}
	return string(body)
}

// The process's metrics and a program's own are served until Stop.
func TestServer(t *testing.T) {
	own := prometheus.NewCounter(prometheus.CounterOpts{Name: "test_things_total", Help: "Things."})
	own.Inc()
	s, err := Listen("localhost:0", NewRegistry(own))
	if err != nil {
		t.Fatal(err)
	}
	text := scrape(t, s.Address())
	for _, want := range []string{"test_things_total 1\n", "process_resident_memory_bytes ", "go_goroutines "} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in %s", want, text)
		}
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := http.Get("http://" + s.Address() + "/metrics"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("after Stop: %v", err)
	}
}

func TestListenRefuses(t *testing.T) {
	s, err := Listen("localhost:0", NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	if _, err := Listen(s.Address(), NewRegistry()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("an address in use gives %v", err)
	}
	if _, err := Listen("nowhere", NewRegistry()); err == nil {
		t.Error("an address without a port is taken")
	}
}
