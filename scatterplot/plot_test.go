package scatterplot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"
)

func points() []Point {
	var p []Point
	for i := range 60 {
		label := []string{"cat", "cat", "dog", ""}[i%4]
		p = append(p, Point{float64(i % 7), float64(i % 11), label})
	}
	return p
}

func TestWritePNG(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, "png", points(), Options{Title: "t", X: "x", Y: "y"}); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	blue, orange := 0, 0
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			r, g, b, _ := img.At(x, y).RGBA()
			switch {
			case b > r+0x4000 && g > r:
				blue++
			case r > b+0x4000 && r > g+0x3000:
				orange++
			}
		}
	}
	if img.Bounds().Dx() != 1152 || blue < 100 || orange < 100 || blue < orange {
		t.Errorf("%v with %d blue and %d orange pixels: cats are blue and twice as many as dogs", img.Bounds(), blue, orange)
	}
}

func TestWriteSVG(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, "svg", points(), Options{Title: "cats & dogs"}); err != nil {
		t.Fatal(err)
	}
	for decoder := xml.NewDecoder(bytes.NewReader(b.Bytes())); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"cat (30)", "dog (15)", "(no label) (15)", "cats &amp; dogs"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the drawing lacks %q", want)
		}
	}
}

func TestManyLabels(t *testing.T) {
	var p []Point
	for i := range 40 {
		for range 41 - i {
			p = append(p, Point{Label: fmt.Sprintf("label %02d", i)})
		}
	}
	groups := byLabel(p)
	if len(groups) != maxLabels+1 || groups[0].label != "label 00" || groups[maxLabels].label != other || len(groups[maxLabels].points) != 20*19/2+19 {
		t.Errorf("%d groups, the last %s with %d", len(groups), groups[len(groups)-1].label, len(groups[len(groups)-1].points))
	}
}

func TestRefuses(t *testing.T) {
	if err := Write(io.Discard, "gif", points(), Options{}); err == nil || !strings.Contains(err.Error(), "use png or svg") {
		t.Errorf("gif: %v", err)
	}
	if err := Write(io.Discard, "png", []Point{{X: math.NaN()}}, Options{}); err == nil {
		t.Error("NaN: no error")
	}
	if err := Write(io.Discard, "svg", nil, Options{}); err != nil {
		t.Errorf("no points: %v", err)
	}
}
