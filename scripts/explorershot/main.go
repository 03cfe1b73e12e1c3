// Command explorershot helps scripts/screenshot.sh to photograph the explorer.
//
//	explorershot crops PHOTOS OUT   cuts crops out of photographs that ship and anybody may show, for a dataset
//	explorershot shoot URL OUT.png  opens the explorer's page, selects and opens rows, and photographs it
package main

import (
	"context"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	_ "image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 4 && os.Args[1] == "crops":
		err = crops(os.Args[2], os.Args[3])
	case len(os.Args) == 4 && os.Args[1] == "shoot":
		err = shoot(context.Background(), os.Args[2], os.Args[3])
	default:
		fmt.Fprintln(os.Stderr, "usage: explorershot crops PHOTOS OUT | shoot URL OUT.png")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "explorershot:", err)
		os.Exit(1)
	}
}

// photos are in the public domain (testdata/photos/README.md); the classes are what they show.
var photos = []struct{ file, class string }{
	{"cat.1.png", "cat"}, {"cat.2.jpg", "cat"}, {"dog.1.jpg", "dog"}, {"other.1.jpg", "duck"}, {"other.2.jpg", "horse"}, {"other.3.jpg", "owl"},
}

// perPhoto crops are cut out of each photograph; some of them go to a wrong class, for the explorer to find.
const (
	perPhoto   = 24
	wrongEvery = 29
)

func crops(from, to string) error {
	random := rand.New(rand.NewPCG(1, 1))
	n := 0
	for i, photo := range photos {
		file, err := os.Open(filepath.Join(from, photo.file))
		if err != nil {
			return err
		}
		whole, _, err := image.Decode(file)
		_ = file.Close() // which was only read
		if err != nil {
			return fmt.Errorf("%s: %w", photo.file, err)
		}
		for range perPhoto {
			n++
			class := photo.class
			if n%wrongEvery == 0 {
				class = photos[(i+2)%len(photos)].class
			}
			if err := save(filepath.Join(to, class, fmt.Sprintf("IMG_%04d.jpg", 1000+n*37%9000)), crop(whole, random)); err != nil {
				return err
			}
		}
	}
	return nil
}

// crop is a part of a picture, two fifths to nine tenths as wide and high, and sometimes its mirror image.
func crop(whole image.Image, random *rand.Rand) image.Image {
	b := whole.Bounds()
	part := 0.4 + 0.5*random.Float64()
	w, h := int(part*float64(b.Dx())), int(part*float64(b.Dy()))
	at := b.Min.Add(image.Pt(random.IntN(b.Dx()-w), random.IntN(b.Dy()-h)))
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(out, out.Bounds(), whole, at, draw.Src)
	if random.IntN(2) == 0 {
		return out
	}
	mirrored := image.NewRGBA(out.Bounds())
	for y := range h {
		for x := range w {
			mirrored.SetRGBA(x, y, out.RGBAAt(w-1-x, y))
		}
	}
	return mirrored
}

func save(name string, picture image.Image) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := jpeg.Encode(file, picture, &jpeg.Options{Quality: 88}); err != nil {
		_ = file.Close() // the other error counts
		return err
	}
	return file.Close()
}
