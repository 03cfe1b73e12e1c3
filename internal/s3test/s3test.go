package s3test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	_ "fovea/objects/drivers/s3" // s3://
)

// Bucket is the only bucket of a server.
const Bucket = "bucket"

const keyID, secret = "fovea", "only-for-tests"

// Environment are variables that a server's clients need.
func Environment() map[string]string {
	return map[string]string{
		"AWS_ACCESS_KEY_ID": keyID, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": "us-east-1",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
	}
}

// Server is a server of objects in memory.
type Server struct {
	// Backend is where the objects lie.
	Backend *s3mem.Backend
	server  *httptest.Server
	objects http.Handler
	clock   *clock

	mutex sync.Mutex
	fault Fault
	// conditions is held while one is looked at that gofakes3 knows nothing of.
	conditions sync.RWMutex
	// unconditional: headers with conditions are passed over.
	unconditional bool
}

// Fault may answer a request itself, by an error or not at all, and says whether it did.
type Fault func(http.ResponseWriter, *http.Request) bool

// Start starts a server, which ends with the test, and sets the environment of the process.
func Start(t testing.TB) *Server {
	t.Helper()
	s := New()
	t.Cleanup(s.Close)
	for name, value := range Environment() {
		t.Setenv(name, value)
	}
	return s
}

// New starts a server. The caller closes it.
func New() *Server {
	s := &Server{clock: &clock{}}
	s.Backend = s3mem.New(s3mem.WithTimeSource(s.clock))
	if err := s.Backend.CreateBucket(Bucket); err != nil {
		panic(err) // a new backend has none
	}
	s.objects = gofakes3.New(s.Backend, gofakes3.WithTimeSource(s.clock), gofakes3.WithTimeSkewLimit(0)).Server()
	s.server = httptest.NewServer(s.handler(http.HandlerFunc(s.Serve)))
	return s
}

// clock is a server's, which may be wrong.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time                  { return time.Now().UTC().Add(time.Duration(c.ahead.Load())) }
func (c *clock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// Advance puts the server's clock forward, or back.
func (s *Server) Advance(by time.Duration) { s.clock.ahead.Add(int64(by)) }

// PassOverConditions makes it a server that does not know If-Match and If-None-Match.
func (s *Server) PassOverConditions() { s.unconditional = true }

// handler refuses strangers and lets requests fail.
func (s *Server) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization"), "Credential="+keyID+"/") {
			Answer(w, http.StatusForbidden, "InvalidAccessKeyId")
			return
		}
		s.mutex.Lock()
		fault := s.fault
		s.mutex.Unlock()
		if fault == nil || !fault(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// Serve serves a request, of which a Fault may then withhold the answer.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request) {
	if s.unconditional {
		r.Header.Del("If-Match")
		r.Header.Del("If-None-Match")
	}
	tag := r.Header.Get("If-Match")
	switch {
	case r.Method == http.MethodDelete && tag != "":
		s.conditions.Lock()
		defer s.conditions.Unlock()
		before := httptest.NewRecorder()
		head := r.Clone(r.Context())
		head.Method = http.MethodHead
		s.objects.ServeHTTP(before, head)
		if before.Code != http.StatusOK || before.Header().Get("ETag") != tag {
			Answer(w, http.StatusPreconditionFailed, "PreconditionFailed")
			return
		}
	case r.Method == http.MethodGet && tag != "":
		w = &matching{ResponseWriter: w, tag: tag}
	default:
		s.conditions.RLock()
		defer s.conditions.RUnlock()
	}
	s.objects.ServeHTTP(w, r)
}

// matching is an answer that is refused if it is not of the object that is asked for.
type matching struct {
	http.ResponseWriter
	tag     string
	decided bool
	refused bool
}

func (m *matching) WriteHeader(status int) {
	m.decided = true
	if status < 300 && m.Header().Get("ETag") != m.tag {
		m.refused = true
		m.Header().Del("Content-Length")
		m.Header().Del("Content-Range")
		Answer(m.ResponseWriter, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	m.ResponseWriter.WriteHeader(status)
}

func (m *matching) Write(p []byte) (int, error) {
	if !m.decided {
		m.WriteHeader(http.StatusOK)
	}
	if m.refused {
		return len(p), nil
	}
	return m.ResponseWriter.Write(p)
}

// Break has every request from now on go through a fault first; nil mends the server.
func (s *Server) Break(fault Fault) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.fault = fault
}

// Answer is an error as S3 writes it.
func Answer(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<Error><Code>" + code + "</Code><Message>as asked for by the test</Message></Error>"))
}

// Cut ends the connection without an answer.
func Cut(w http.ResponseWriter) {
	if hijacker, ok := w.(http.Hijacker); ok {
		if connection, _, err := hijacker.Hijack(); err == nil {
			_ = connection.Close()
		}
	}
}

// URL names an object or a folder.
func (s *Server) URL(name string) string { return s.In(Bucket, name) }

// In names what is in another bucket.
func (s *Server) In(bucket, name string) string {
	return "s3://" + bucket + "/" + name + "?" + s.Parameters()
}

// Parameters are those of URLs.
func (s *Server) Parameters() string {
	return url.Values{"endpoint": {s.server.URL}, "use_path_style": {"true"}, "disable_https": {"true"}}.Encode()
}

// Fatal ends a test.
type Fatal func(format string, arguments ...any)

// Fatalf implements what Keys wants of a testing.TB.
func (f Fatal) Fatalf(format string, arguments ...any) { f(format, arguments...) }

// Put puts an object under any name, as other programs may.
func (s *Server) Put(t interface{ Fatalf(string, ...any) }, key string, content []byte) {
	_, _ = s.Backend.DeleteObject(Bucket, key) // with its checksums, which the server would keep
	meta := map[string]string{"Last-Modified": s.clock.Now().Format(http.TimeFormat)}
	if _, err := s.Backend.PutObject(Bucket, key, meta, bytes.NewReader(content), int64(len(content)), nil); err != nil {
		t.Fatalf("%v", err)
	}
}

// Keys are the names of all objects that begin with a prefix, and their content.
func (s *Server) Keys(t interface{ Fatalf(string, ...any) }, prefix string) map[string][]byte {
	found := map[string][]byte{}
	list, err := s.Backend.ListBucket(Bucket, &gofakes3.Prefix{HasPrefix: prefix != "", Prefix: prefix}, gofakes3.ListBucketPage{})
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, o := range list.Contents {
		object, err := s.Backend.GetObject(Bucket, o.Key, nil)
		if err != nil {
			t.Fatalf("%v", err)
		}
		content := make([]byte, object.Size)
		for at := 0; at < len(content); {
			n, err := object.Contents.Read(content[at:])
			if at += n; err != nil && at < len(content) {
				t.Fatalf("%v", err)
			}
		}
		_ = object.Contents.Close()
		found[o.Key] = content
	}
	return found
}

// Close ends the server.
func (s *Server) Close() { s.server.Close() }
