package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
)

// ErrOptions marks Options that are wrong, and files of theirs that cannot be used.
var ErrOptions = errors.New("web: not usable")

type optionsError struct{ error }

func (e optionsError) Unwrap() error        { return e.error }
func (e optionsError) Is(target error) bool { return target == ErrOptions }

// Options say how a server faces the web. The zero value suits one that only trusted clients reach.
type Options struct {
	// Origins are those whose pages may call the server: SCHEME://HOST, SCHEME://HOST:PORT, or * alone for
	// all.
	Origins []string
	// TokenFile has the tokens of which requests must carry one, each in a line. None is needed if it is
	// empty.
	TokenFile string
	// Certificate and Key are PEM files for TLS; without them it is plain HTTP.
	Certificate, Key string
	// AccessLog logs each request.
	AccessLog bool
}

// Site is a server's face to the web. The zero value is that of zero Options.
type Site struct {
	origins     origins
	tokens      *renewed[tokens]
	certificate *renewed[tls.Certificate]
	accessLog   bool
}

// Open checks options and reads their files. Errors are ErrOptions and name the flag.
func (o Options) Open() (*Site, error) {
	s := &Site{accessLog: o.AccessLog}
	var err error
	switch {
	case o.Certificate != "" && o.Key == "":
		return nil, optionsError{fmt.Errorf("--tls-cert %s without its private key: give that, too, by --tls-key", o.Certificate)}
	case o.Certificate == "" && o.Key != "":
		return nil, optionsError{fmt.Errorf("--tls-key %s without its certificate: give that, too, by --tls-cert", o.Key)}
	case o.Certificate != "":
		if s.certificate, err = openCertificate(o.Certificate, o.Key); err != nil {
			return nil, optionsError{err}
		}
	}
	if o.TokenFile != "" {
		if s.tokens, err = openTokens(o.TokenFile); err != nil {
			return nil, optionsError{err}
		}
	}
	if s.origins, err = parseOrigins(o.Origins); err != nil {
		return nil, optionsError{err}
	}
	return s, nil
}

// Scheme is that of the server's URLs: http or https.
func (s *Site) Scheme() string {
	if s.certificate == nil {
		return "http"
	}
	return "https"
}

// Terms say, for people, to whom the server answers at an address, and what is wrong with that.
func (s *Site) Terms(at net.Addr) string {
	tcp, ok := at.(*net.TCPAddr)
	reachable := !ok || !tcp.IP.IsLoopback() // from other machines
	switch {
	case s.tokens == nil && reachable:
		return " to everybody who reaches it (--token-file asks for tokens)"
	case s.tokens == nil:
		return ""
	case s.certificate == nil && reachable:
		return " to whoever has a token, which others can read on the network (--tls-cert encrypts)"
	}
	return " to whoever has a token"
}

// NeedsToken reports whether requests must carry a token.
func (s *Site) NeedsToken() bool { return s.tokens != nil }

// Handler answers by a table of routes. Every answer has the headers that keep browsers from storing,
// framing or running it, or taking it for something else; a route's handler may set others.
func (s *Site) Handler(routes []Route) http.Handler {
	t := newRouter(routes)
	var h http.Handler = t
	if s.tokens != nil {
		h = s.withToken(t)
	}
	return observed(guarded(s.origins.handler(t, h)), s.accessLog)
}

func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Protect(w.Header(), "default-src 'none'; frame-ancestors 'none'")
		next.ServeHTTP(w, r)
	})
}

// Protect adds the headers that keep browsers from storing, framing or running an answer, from taking it for something
// else, and from telling other sites its address, which may have a token. The policy is a Content-Security-Policy.
func Protect(h http.Header, policy string) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
}

// Bounds of HTTP/2. A connection holds so much of what clients send before a handler has read it, and so
// many requests at a time.
const (
	receiveBuffer = 256 << 10
	maxStreams    = 64
)

// Serve serves on a listener, with TLS if there is a certificate, until the server is shut down. It
// returns what http.Server.Serve does.
func (s *Site) Serve(server *http.Server, listener net.Listener) error {
	server.ErrorLog = log.New(errorLog{}, "", 0)
	if s.certificate == nil {
		return server.Serve(listener)
	}
	server.TLSConfig = &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.certificate.get(), nil },
	}
	server.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams: maxStreams, MaxReceiveBufferPerConnection: receiveBuffer, MaxReceiveBufferPerStream: receiveBuffer,
		WriteByteTimeout: server.WriteTimeout,
	}
	return server.ServeTLS(listener, "", "")
}

// renewal is how often files are looked at.
const renewal = time.Second

// Watch takes new tokens and certificates from their files when these change, until ctx ends.
func (s *Site) Watch(ctx context.Context) { s.watch(ctx, renewal) }

func (s *Site) watch(ctx context.Context, every time.Duration) {
	if s.tokens == nil && s.certificate == nil {
		return
	}
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for expired := s.expired(); ; expired = s.expired() {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		if s.expired() && !expired { // since the last look
			warnOfCertificate(s.certificate.files[0], s.certificate.get().Leaf)
		}
		s.tokens.refresh()
		s.certificate.refresh()
	}
}

// expired reports whether the certificate is not valid any more.
func (s *Site) expired() bool {
	return s.certificate != nil && time.Now().After(s.certificate.get().Leaf.NotAfter)
}

// errorLog is for what an http.Server has to say. Clients can make it say as much as they like about
// handshakes, so that is for the curious alone.
type errorLog struct{}

func (errorLog) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	if strings.Contains(text, "TLS handshake error") {
		logrus.WithField("reason", text).Debug("a client did not get through the TLS handshake")
	} else {
		logrus.WithField("reason", text).Warn("the HTTP server reports a fault")
	}
	return len(line), nil
}
