//go:build !nocloud

package drivers_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// memory holds a server's objects, each with the number of its writing.
type memory struct {
	mutex   sync.Mutex
	written int
	objects map[string]stored
}

type stored struct {
	content []byte
	number  int
	at      time.Time
}

func (m *memory) put(key string, content []byte) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.putLocked(key, content)
}

func (m *memory) putLocked(key string, content []byte) {
	m.written++
	m.objects[key] = stored{content, m.written, time.Now().UTC()}
}

func (m *memory) get(key string) ([]byte, bool) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	o, ok := m.objects[key]
	return o.content, ok
}

func (m *memory) keys(prefix string) (keys []string) {
	for key := range m.objects {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// serveContent answers with the part that is asked for.
func (o stored) serveContent(w http.ResponseWriter, asked string) {
	w.Header().Set("Last-Modified", o.at.Format(http.TimeFormat))
	from, to := 0, len(o.content)-1
	if asked == "" {
		w.Header().Set("Content-Length", strconv.Itoa(len(o.content)))
		_, _ = w.Write(o.content)
		return
	}
	if n, _ := fmt.Sscanf(asked, "bytes=%d-%d", &from, &to); n < 2 {
		to = len(o.content) - 1
	}
	to = min(to, len(o.content)-1)
	w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, len(o.content)))
	w.Header().Set("Content-Length", strconv.Itoa(to-from+1))
	w.WriteHeader(http.StatusPartialContent)
	_, _ = w.Write(o.content[from : to+1])
}

// azure speaks a little of the protocol of Azure Blob Storage.
type azure struct {
	memory
	host string
}

func newAzure(t *testing.T) *azure {
	a := &azure{memory: memory{objects: map[string]stored{}}}
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	a.host = strings.TrimPrefix(s.URL, "http://")
	t.Setenv("AZURE_STORAGE_ACCOUNT", "account")
	t.Setenv("AZURE_STORAGE_KEY", "c2VjcmV0")
	return a
}

func (a *azure) url(name string) string {
	return "azblob://box/" + name + "?protocol=http&domain=" + url.QueryEscape(a.host) + "&localemu=true"
}

func (a *azure) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	key, isObject := strings.CutPrefix(r.URL.Path, "/account/box/")
	if !isObject {
		a.list(w, r.URL.Query().Get("prefix"))
		return
	}
	fail := func(status int, code string) {
		w.Header().Set("x-ms-error-code", code)
		w.WriteHeader(status)
	}
	o, there := a.objects[key]
	tag := fmt.Sprintf("\"0x%X\"", o.number)
	switch match := r.Header.Get("If-Match"); {
	case !there && r.Method != http.MethodPut:
		fail(http.StatusNotFound, "BlobNotFound")
		return
	case match != "" && (!there || match != tag):
		fail(http.StatusPreconditionFailed, "ConditionNotMet")
		return
	case there && r.Header.Get("If-None-Match") == "*":
		fail(http.StatusConflict, "BlobAlreadyExists")
		return
	}
	w.Header().Set("ETag", tag)
	switch r.Method {
	case http.MethodGet:
		asked := r.Header.Get("x-ms-range")
		o.serveContent(w, asked+r.Header.Get("Range"))
	case http.MethodHead:
		w.Header().Set("Last-Modified", o.at.Format(http.TimeFormat))
		w.Header().Set("x-ms-creation-time", o.at.Format(http.TimeFormat))
		w.Header().Set("Content-Length", strconv.Itoa(len(o.content)))
	case http.MethodPut:
		content, _ := io.ReadAll(r.Body)
		a.putLocked(key, content)
		w.WriteHeader(http.StatusCreated)
	case http.MethodDelete:
		delete(a.objects, key)
		w.WriteHeader(http.StatusAccepted)
	}
}

func (a *azure) list(w http.ResponseWriter, prefix string) {
	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprint(w, `<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>`)
	for _, key := range a.keys(prefix) {
		o := a.objects[key]
		fmt.Fprint(w, "<Blob><Name>")
		_ = xml.EscapeText(w, []byte(key))
		fmt.Fprintf(w, "</Name><Properties><Last-Modified>%s</Last-Modified><Etag>\"0x%X\"</Etag><Content-Length>%d</Content-Length></Properties></Blob>", o.at.Format(http.TimeFormat), o.number, len(o.content))
	}
	fmt.Fprint(w, "</Blobs><NextMarker/></EnumerationResults>")
}

// google speaks a little of the protocol of Google Cloud Storage.
type google struct{ memory }

func newGoogle(t *testing.T) *google {
	g := &google{memory{objects: map[string]stored{}}}
	s := httptest.NewServer(g)
	t.Cleanup(s.Close)
	t.Setenv("STORAGE_EMULATOR_HOST", strings.TrimPrefix(s.URL, "http://"))
	return g
}

func (g *google) url(name string) string { return "gs://box/" + name + "?anonymous=true" }

// resource describes an object.
func (o stored) resource(key string) map[string]string {
	return map[string]string{
		"name": key, "bucket": "box", "generation": strconv.Itoa(o.number), "size": strconv.Itoa(len(o.content)),
		"updated": o.at.Format(time.RFC3339Nano), "etag": "x" + strconv.Itoa(o.number),
	}
}

func (g *google) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	query := r.URL.Query()
	path, _ := url.PathUnescape(r.URL.EscapedPath())
	if strings.HasPrefix(path, "/upload/") {
		g.upload(w, r, query)
		return
	}
	key, isObject := strings.CutPrefix(path, "/storage/v1/b/box/o/")
	if !isObject {
		if key, isObject = strings.CutPrefix(path, "/b/box/o/"); !isObject {
			key, isObject = strings.CutPrefix(path, "/box/")
		}
	}
	if !isObject {
		items := []map[string]string{}
		for _, key := range g.keys(query.Get("prefix")) {
			items = append(items, g.objects[key].resource(key))
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"items": items})
		return
	}
	o, there := g.objects[key]
	match := query.Get("ifGenerationMatch") + r.Header.Get("x-goog-if-generation-match")
	switch {
	case !there:
		http.Error(w, "no such object", http.StatusNotFound)
	case match != "" && match != strconv.Itoa(o.number):
		http.Error(w, "another generation", http.StatusPreconditionFailed)
	case r.Method == http.MethodDelete:
		delete(g.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case strings.HasPrefix(path, "/box/") || query.Get("alt") == "media":
		w.Header().Set("x-goog-generation", strconv.Itoa(o.number))
		o.serveContent(w, r.Header.Get("Range"))
	default:
		_ = json.NewEncoder(w).Encode(o.resource(key))
	}
}

func (g *google) upload(w http.ResponseWriter, r *http.Request, query url.Values) {
	_, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	parts := multipart.NewReader(r.Body, parameters["boundary"])
	var description struct{ Name string }
	part, err := parts.NextPart()
	if err == nil {
		err = json.NewDecoder(part).Decode(&description)
	}
	if err == nil {
		part, err = parts.NextPart()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	content, _ := io.ReadAll(part)
	o, there := g.objects[description.Name]
	if match := query.Get("ifGenerationMatch"); match != "" && (match != "0" || there) && (!there || match != strconv.Itoa(o.number)) {
		http.Error(w, "another generation", http.StatusPreconditionFailed)
		return
	}
	g.putLocked(description.Name, content)
	_ = json.NewEncoder(w).Encode(g.objects[description.Name].resource(description.Name))
}
