package serving

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
)

// What is sent instead of an image is told from a damaged image, with what to do.
func TestServerExplainsMistakes(t *testing.T) {
	url, _ := start(t, redServer(t, redPredictor(&redness{}), usual))
	image := coloured(t, 220)
	var packed, form bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(image); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("image", "photo.png")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(image); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	jpeg := "\xff\xd8\xff\xe0\x00\x10JFIF"
	latin := func(s string) string { // as programs do that take bytes for Latin-1 and write UTF-8
		var out strings.Builder
		for _, b := range []byte(s) {
			out.WriteRune(rune(b))
		}
		return out.String()
	}
	byCurl := strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace
	for name, test := range map[string]struct {
		body string
		want string
	}{
		"nothing":                 {"", "there are no bytes: send the image's bytes"},
		"a form without its type": {form.String(), "this is multipart/form-data: "},
		"gzip":                    {packed.String(), "this is compressed by gzip: "},
		"base64":                  {base64.StdEncoding.EncodeToString(image), "this is base64 text: decode it"},
		"quoted base64":           {`"` + base64.StdEncoding.EncodeToString(image) + `"`, "this is base64 text: decode it"},
		"base64 of a JPEG":        {base64.StdEncoding.EncodeToString([]byte(jpeg + strings.Repeat("x", 1000))), "this is base64 text: decode it"},
		"base64 in lines":         {strings.Join(strings.SplitAfter(base64.StdEncoding.EncodeToString(image), "A"), "\r\n"), "this is base64 text: decode it"},
		"base64 for URLs":         {base64.RawURLEncoding.EncodeToString([]byte("\xff\xd8\xff\xfb\xef\xbe" + strings.Repeat("\xff", 99))), "this is base64 text: decode it"},
		"a data URL":              {"data:image/png;base64," + base64.StdEncoding.EncodeToString(image), "this is a data URL: "},
		"a form's text":           {"image=photo&size=3", "this is an HTML form's text"},
		"a URL":                   {"https://example.com/cat.jpg\n", "this is a URL, and the server opens none"},
		"a file's name":           {"my photos/cat.JPEG", "this is a file's name: send its contents, as curl --data-binary @FILE does, with the @"},
		"a web page":              {"\n<!DOCTYPE html>\n<html><title>Sign in</title>", "this is a web page"},
		"JPEG as Latin-1":         {latin(jpeg), "this image was taken for text on its way"},
		"PNG as Latin-1":          {latin(string(image)), "this image was taken for text on its way"},
		"JPEG as UTF-8":           {strings.ToValidUTF8(jpeg, "\xef\xbf\xbd"), ""},
		"JPEG as JavaScript's":    {"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\x00\x10JFIF", "this image was taken for text on its way"},
		"PNG as UTF-8":            {strings.ToValidUTF8(string(image), "\xef\xbf\xbd"), "this image was taken for text on its way"},
		"PNG by curl -d":          {byCurl(string(image)), "this image has lost its line ends and zeros on its way, as by curl -d: use curl --data-binary @FILE"},
		"JPEG by curl -d":         {byCurl(jpeg), "this image has lost its line ends"},
		"a damaged PNG":           {string(image[:30]), ""},
		"words":                   {"no image", ""},
		"noise":                   {"\x01\x02\x03\x04\x05\x06\x07\x08", ""},
	} {
		status, answer := post(t, url, []byte(test.body))
		answer = strings.ReplaceAll(answer, `\"`, `"`)
		if status != 422 || !strings.HasPrefix(answer, `{"error":"`+test.want) || !strings.Contains(answer, "image: ") {
			t.Errorf("%s: %d %s, want %s", name, status, answer, test.want)
		}
		if test.want == "" && !strings.HasPrefix(answer, `{"error":"image: `) {
			t.Errorf("%s is taken for something else: %s", name, answer)
		}
	}
	if status, answer := post(t, url, image); status != 200 {
		t.Errorf("the image itself: %d %s", status, answer)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/predict", &packed)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Encoding", "gzip")
	r, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != 415 {
		t.Errorf("gzip that says so is answered with %d", r.StatusCode)
	}
}
