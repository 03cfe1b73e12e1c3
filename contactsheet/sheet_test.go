package contactsheet

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	red := image.NewNRGBA(image.Rect(0, 0, 300, 200))
	for i := range red.Pix {
		red.Pix[i] = []uint8{200, 10, 20, 255}[i%4]
	}
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, red); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"red.png": encoded.Bytes(), "broken.jpg": []byte("\xff\xd8\xff nothing")}
	for name, raw := range files {
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var html bytes.Buffer
	err := Write(context.Background(), &html, Sheet{
		Title: "A & B", Notes: []string{"1 < 2"},
		Groups: []Group{
			{Title: "one", Pictures: []Picture{{File: filepath.Join(dir, "red.png"), Name: "<b>red</b>.png", Note: "0.98"}, {File: filepath.Join(dir, "gone.png"), Name: "gone.png"}}},
			{Title: "two", Mark: "labels <differ>", Pictures: []Picture{{File: filepath.Join(dir, "broken.jpg"), Name: "broken.jpg", Details: "3 x 2", Mark: "keep"}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	text := html.String()
	for _, want := range []string{"<h1>A &amp; B</h1>", "<p>1 &lt; 2</p>", `<h2>two<span class="tag bad">labels &lt;differ&gt;</span></h2>`, "<span>3 x 2</span>", `<b class="good">keep</b>`, "&lt;b&gt;red&lt;/b&gt;.png<span>0.98</span>", ">not found<", "jpeg: "} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(text, "ZgotmplZ") || strings.Contains(text, "://") {
		t.Error("the page refers to something outside, or its images were refused")
	}
	images := regexp.MustCompile(`src="data:image/jpeg;base64,([^"]+)"`).FindAllStringSubmatch(text, -1)
	if len(images) != 1 {
		t.Fatalf("%d images, want 1", len(images))
	}
	raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(images[0][1], "&#43;", "+"))
	if err != nil {
		t.Fatal(err)
	}
	shown, err := jpeg.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := color.NRGBAModel.Convert(shown.At(80, 80)).(color.NRGBA)
	if shown.Bounds().Dx() != thumbnailSize || c.R < 190 || c.G > 30 || c.B > 40 {
		t.Errorf("the thumbnail is %v, its centre %v", shown.Bounds(), c)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Write(ctx, &html, Sheet{Groups: []Group{{Pictures: []Picture{{}}}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// What names hide is shown, and the table to download has them as they are.
func TestHiddenNames(t *testing.T) {
	const name = "x\u202ey\x1bz"
	var html bytes.Buffer
	err := Write(context.Background(), &html, Sheet{
		Title: name, Notes: []string{name}, Download: &Download{File: name, Label: name, Note: name, Content: []byte(name)},
		Groups: []Group{{Title: name, Mark: name, Pictures: []Picture{{File: "gone.png", Name: name, Note: name, Details: name, Mark: name}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	page := html.String()
	if strings.ContainsAny(page, "\u202e\x1b") || strings.Count(page, `x\u202ey\x1bz`) < 10 {
		t.Errorf("the page is %q", page)
	}
	if !strings.Contains(page, base64.StdEncoding.EncodeToString([]byte(name))) {
		t.Error("the table has another name")
	}
}
