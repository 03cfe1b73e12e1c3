package serving

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// sent posts a body and returns the status and the answer.
func sent(t *testing.T, address, kind string, body []byte) (int, string) {
	t.Helper()
	r, err := http.Post(address, kind, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, strings.TrimSpace(string(answer))
}

// form is files as a form, with its media type.
func form(t *testing.T, names []string, contents ...[]byte) (kind string, body []byte) {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for i, content := range contents {
		part, err := w.CreateFormFile("file", names[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), out.Bytes()
}

// inBase64 is {"instances": ...} of images.
func inBase64(t *testing.T, contents ...[]byte) []byte {
	t.Helper()
	list := []map[string][]byte{}
	for _, content := range contents {
		list = append(list, map[string][]byte{"b64": content})
	}
	out, err := json.Marshal(map[string]any{"instances": list})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Several images come as a form or as JSON; each gets what it would have got alone, and one that cannot be read does not
// take the others with it.
func TestSeveralImages(t *testing.T) {
	url, _ := start(t, redServer(t, redPredictor(&redness{}), usual))
	red, dark, broken, large := coloured(t, 200), coloured(t, 20), []byte("no image"), make([]byte, 1<<16+1)
	_, alone := post(t, url, red)
	kind, body := form(t, []string{"a.png"}, red)
	if status, answer := sent(t, url+"/predict", kind, body); status != 200 || answer != strings.TrimSpace(alone) {
		t.Errorf("a form of one image is answered with %d %s, the image with %s", status, answer, alone)
	}
	names := []string{"ä b.png", "c.txt", "d.png", "e.png"}
	kind, body = form(t, names, red, broken, dark, large)
	for _, test := range []struct {
		what, kind string
		body       []byte
		names      []string
	}{
		{"a form", kind, body, names},
		{"JSON", "application/json", inBase64(t, red, broken, dark, large), []string{"", "", "", ""}},
		{"JSON by curl -d", "application/x-www-form-urlencoded", []byte(" \n" + string(inBase64(t, red, broken, dark))), []string{"", "", ""}},
	} {
		status, answer := sent(t, url+"/predict", test.kind, test.body)
		var items []jsonItem
		if err := json.Unmarshal([]byte(answer), &items); status != 200 || err != nil || len(items) != len(test.names) {
			t.Fatalf("%s is answered with %d %s", test.what, status, answer)
		}
		for i, item := range items {
			if item.Name != test.names[i] {
				t.Errorf("%s: image %d is called %q, not %q", test.what, i, item.Name, test.names[i])
			}
		}
		if *items[0].Label != "red" || *items[2].Label != "dark" || items[0].Status != 200 || len(items[0].Probabilities) != 2 {
			t.Errorf("%s is answered with %s", test.what, answer)
		}
		if items[1].Status != 422 || items[1].Label != nil || !strings.Contains(items[1].Error, "image: header") {
			t.Errorf("%s: what is no image is answered with %+v", test.what, items[1])
		}
		if len(items) > 3 && (items[3].Status != 413 || !strings.Contains(items[3].Error, "more than 65536 bytes")) {
			t.Errorf("%s: an image that is too large is answered with %+v", test.what, items[3])
		}
	}
}

// The query says how many classes are shown.
func TestTop(t *testing.T) {
	url, _ := start(t, redServer(t, redPredictor(&redness{}), usual))
	for query, want := range map[string]string{
		"":            `{"label":"red","probabilities":{"dark":2.061154e-09,"red":1}}`,
		"?top=1":      `{"label":"red","top":[{"label":"red","probability":1}]}`,
		"?top=7":      `{"label":"red","top":[{"label":"red","probability":1},{"label":"dark","probability":2.061154e-09}]}`,
		"?top=0":      `{"label":"red","probabilities":{"dark":2.061154e-09,"red":1}}`,
		"?top=-1":     `{"error":"top=\"-1\": give a whole number from 0 to 1073741824"}`,
		"?top=":       `{"error":"top=\"\": give a whole number from 0 to 1073741824"}`,
		"?top=two":    `{"error":"top=\"two\": give a whole number from 0 to 1073741824"}`,
		"?top=1&top=": `{"error":"the parameter top is given 2 times: give it once"}`,
	} {
		status, answer := sent(t, url+"/predict"+query, "image/png", coloured(t, 200))
		if answer != want || (status == 200) != strings.HasPrefix(want, `{"label"`) || status != 200 && status != 400 {
			t.Errorf("%q is answered with %d %s, want %s", query, status, answer, want)
		}
	}
}

// What is neither an image nor several is refused, with what to do.
func TestUploadsRefused(t *testing.T) {
	o := usual
	o.Requests = 4
	url, _ := start(t, redServer(t, redPredictor(&redness{}), o))
	red := coloured(t, 200)
	kind, five := form(t, slices.Repeat([]string{"a.png"}, 5), red, red, red, red, red)
	_, boundary, _ := strings.Cut(kind, "boundary=")
	field := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"top\"\r\n\r\n3\r\n--" + boundary + "--\r\n"
	for _, test := range []struct {
		kind, body string
		status     int
		want       string
	}{
		{kind, string(five), 413, "5 images in a request: send at most 4 at a time"},
		{kind, field, 400, `the form's field \"top\" has no file name: send files alone, and parameters in the URL`},
		{kind, string(five[:len(five)/2]), 400, "the form is cut short"},
		{kind, "--" + boundary + "--\r\n", 400, "there is no image in the request"},
		{"multipart/form-data", string(five), 400, "without a boundary"},
		{"application/json", `{"instances":[]}`, 400, "there is no image in the request"},
		{"application/json", string(inBase64(t, red, red, red, red, red)), 413, "5 images in a request"},
		{"application/json", `{"instances":[{"b64":`, 400, "the request is not JSON: unexpected end of JSON input"},
		{"application/json", `{"images":[]}`, 400, `unknown key \"images\"`},
		{"application/json", `{"instances":[{"b64":""}], "in\u0073tances":[]}`, 400, `the key \"instances\" is there more than once`},
		{"application/json", `[]`, 400, "not a JSON object"},
		{"application/json", `{"instances":` + strings.Repeat("[", maxElements) + strings.Repeat("]", maxElements) + `}`, 413, "more than 100000 values"},
	} {
		if status, answer := sent(t, url+"/predict", test.kind, []byte(test.body)); status != test.status || !strings.Contains(answer, test.want) || !json.Valid([]byte(answer)) {
			t.Errorf("%.60s is answered with %d %s, want %d %s", test.body, status, answer, test.status, test.want)
		}
	}
	good := `{"b64":"` + base64.StdEncoding.EncodeToString(red) + `"}`
	for instance, want := range map[string]string{
		`{"b64":7}`: "the value of b64 is not a text", `{"b64":"","b64":""}`: `the key \"b64\" is there more than once`, `{"b65":""}`: `unknown key \"b65\"`, `{}`: "there is no image",
		`7`: "not a JSON object", `null`: "not a JSON object", `{"b64":null}`: "there is no image", `{"b64":"","image_bytes":{"b64":""}}`: "there is no image",
		`{"image_bytes":{"b64":"","x":1}}`: `unknown key \"x\"`,
	} {
		if status, answer := sent(t, url+"/predict", "application/json", []byte(`{"instances":[`+good+`,`+instance+`]}`)); status != 400 || !strings.Contains(answer, "image 1 of 2: "+want) {
			t.Errorf("%s is answered with %d %s, want %s", instance, status, answer, want)
		}
	}
	status, spoilt := sent(t, url+"/predict", "application/json", []byte(`{"instances":[{"b64":"%%"},`+good+`]}`))
	if items := decoded[[]jsonItem](t, spoilt); status != 200 || items[0].Status != 400 || !strings.Contains(items[0].Error, "the value of b64 is not base64") || *items[1].Label != "red" {
		t.Errorf("what is not base64 is answered with %d %s", status, spoilt)
	}
	r, err := http.NewRequest(http.MethodPost, url+"/predict", bytes.NewReader(red))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Encoding", "gzip")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Body.Close(); answer.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("a compressed body is answered with %d", answer.StatusCode)
	}
}

// Images of one request are computed together, and with those of others; their files are given back.
func TestSeveralImagesTogether(t *testing.T) {
	e := &redness{pause: 20 * time.Millisecond}
	o := usual
	o.Requests = 16
	s := redServer(t, redPredictor(e), o)
	url, _ := start(t, s)
	var contents [][]byte
	var names []string
	for i := range 16 {
		contents, names = append(contents, coloured(t, uint8(200*(i%2)))), append(names, fmt.Sprint(i))
	}
	kind, body := form(t, names, contents...)
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			status, answer := sent(t, url+"/predict?top=1", kind, body)
			var items []jsonItem
			if err := json.Unmarshal([]byte(answer), &items); err != nil || status != 200 || len(items) != 16 {
				t.Errorf("the answer is %d %s", status, answer)
				return
			}
			for i, item := range items {
				if want := []string{"dark", "red"}[i%2]; item.Name != names[i] || *item.Label != want {
					t.Errorf("image %d is %+v, want %s", i, item, want)
				}
			}
		})
	}
	group.Wait()
	if e.largest.Load() != 4 {
		t.Errorf("the largest batch has %d images, want 4", e.largest.Load())
	}
	if len(s.slots) != 0 || s.bodies.held != 0 {
		t.Errorf("%d places and %d bytes are still taken", len(s.slots), s.bodies.held)
	}
}

// A failure of the server is one of the whole request, which may be sent again; a panic of an image is its error alone.
func TestSeveralImagesFail(t *testing.T) {
	url, _ := start(t, redServer(t, redPredictor(&redness{failure: fmt.Errorf("the device is gone")}), usual))
	kind, body := form(t, []string{"a", "b"}, coloured(t, 1), coloured(t, 2))
	if status, answer := sent(t, url+"/predict", kind, body); status != 500 || !strings.Contains(answer, `{"error":"the device is gone"}`) {
		t.Errorf("the answer is %d %s", status, answer)
	}
	gate := &redness{gate: make(chan struct{})}
	o := usual
	o.Timeout = 100 * time.Millisecond
	late, _ := start(t, redServer(t, redPredictor(gate), o))
	if status, answer := sent(t, late+"/predict", kind, body); status != 504 || !strings.Contains(answer, "no answer within 100ms") {
		t.Errorf("the answer is %d %s", status, answer)
	}
	close(gate.gate)
	s := redServer(t, redPredictor(&redness{}), usual)
	s.predictor = &Predictor{head: redHead()} // without an extractor, it cannot compute
	a := s.computeSafely(t.Context(), nil, sentFile{content: coloured(t, 1)}, func() { panic("an image's fault") })
	if a.err == nil || !strings.Contains(a.err.Error(), "an image's fault") {
		t.Errorf("a panic is %v", a.err)
	}
}

func TestElements(t *testing.T) {
	for text, want := range map[string]int{
		``: 0, `"a,[{:"`: 0, `{"a":[1,2]}`: 4, `"a\",[",[`: 2, `"a\\",[`: 2, `"\\\",",,`: 2, `"a`: 0, `"a\`: 0,
	} {
		if got := elements([]byte(text)); got != want {
			t.Errorf("%s has %d values, want %d", text, got, want)
		}
	}
}

func TestAccepts(t *testing.T) {
	const kind = "application/vnd.apache.arrow.stream"
	for header, want := range map[string]bool{
		kind: true, "text/html, " + kind + ";q=0.9": true, "application/json": false, "*/*": false,
		kind + ";q=0": false, kind + ";q=0, */*": false, "*/*, " + kind: true, kind + ";q=0.1, application/json;q=0.9": false, "application/json;q=0.5, " + kind: true,
		kind + ";q=0.5, */*;q=0.8": false, "application/json;q=0.1, */*, " + kind + ";q=0.5": true, kind + ";q=x": true, "": false, ";": false, strings.ToUpper(kind): true,
	} {
		r := &http.Request{Header: http.Header{"Accept": {header}}}
		if got := accepts(r, kind); got != want {
			t.Errorf("%q: %t", header, got)
		}
	}
}

func TestNameOf(t *testing.T) {
	for file, want := range map[string]string{"a/cats-vs-dogs.head": "cats-vs-dogs", "50%: new?.head": "50-- new-", ".head": DefaultName, "pets": "pets", "v1.2.head": "v1.2"} {
		if got := NameOf(file); got != want || checkName(got) != nil {
			t.Errorf("%s is called %q, want %q", file, got, want)
		}
	}
	for _, bad := range []string{"a/b", "a:b", "a?b", "a%b", "a#b", "a\nb"} {
		if err := (ServerOptions{Name: bad}).Validate(0); err == nil || !reflect.DeepEqual(err, checkName(bad)) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
