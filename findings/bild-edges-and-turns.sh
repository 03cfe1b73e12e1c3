#!/usr/bin/env bash
# github.com/anthonynsimon/bild v0.14.0: Sobel finds edges from two sides only, a turn by 90 degrees loses pixels, and blur lets
# opaque pictures show through. The documentation tells of none of the three.
#
# One would guess: Sobel gives the gradient's magnitude, so that a bright rectangle has four edges; Rotate by 90 degrees with
# ResizeBounds gives each pixel once; and the blur of one colour is that colour.
# What happens, without an error:
#   1. effect.Sobel: both derivatives are stored in bytes before they are squared, so that what is negative is 0. Edges at which it
#      gets darker to the right, or brighter downwards, are missing: of a bright rectangle, the left and the lower one are left.
#   2. transform.Rotate(img, 90, ResizeBounds: true): where the difference of width and height is odd, one or two rows and columns
#      of the picture are cut off, others are transparent, and most pixels are one aside. Where it is even, it is right.
#   3. blur.Gaussian and blur.Box drop the fraction of sums that are a little below a whole number: white of radius 2 and 3 becomes 254
#      and 253, and so does the opacity of 255.
# Who is hurt: Go services that measure sharpness, find borders of documents, or turn photos of telephones by their orientation:
# what is written into the corners of a mask or a label moves; PNGs of blurred pictures are no longer opaque.
# Remedy: gift.Sobel() and gift.Rotate90() of github.com/disintegration/gift v1.2.1 are right.
# Seen on 2026-11-30, with Go 1.26.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > go.mod <<'GO'
module finding

go 1.26
GO
cat > main.go <<'GO'
package main

import (
	"fmt"
	"image"
	"image/color"
	"os"

	"github.com/anthonynsimon/bild/blur"
	"github.com/anthonynsimon/bild/effect"
	"github.com/anthonynsimon/bild/transform"
	"github.com/disintegration/gift"
)

func grey(width, height int, value func(x, y int) uint8) *image.Gray {
	g := image.NewGray(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			g.SetGray(x, y, color.Gray{Y: value(x, y)})
		}
	}
	return g
}

func at(m image.Image, x, y int) uint8 {
	return color.GrayModel.Convert(m.At(x, y)).(color.Gray).Y
}

// magnitude is whether the gradient of the pixel is more than 0, by its definition.
func magnitude(m image.Image, x, y int) bool {
	var dx, dy int
	for i, weight := range []int{1, 2, 1} {
		dx += weight * (int(at(m, x+1, y+i-1)) - int(at(m, x-1, y+i-1)))
		dy += weight * (int(at(m, x+i-1, y+1)) - int(at(m, x+i-1, y-1)))
	}
	return dx != 0 || dy != 0
}

// lost is how many pixels of a picture, whose pixels all differ, are not in another.
func lost(m *image.Gray, turned image.Image) int {
	found := map[uint8]bool{}
	b := turned.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			found[at(turned, x, y)] = true
		}
	}
	n := 0
	for _, v := range m.Pix {
		if !found[v] {
			n++
		}
	}
	return n
}

func edges() bool {
	rectangle := grey(14, 11, func(x, y int) uint8 {
		if x >= 4 && x < 10 && y >= 3 && y < 8 {
			return 200
		}
		return 40
	})
	sobel := effect.Sobel(rectangle)
	g := gift.New(gift.Sobel())
	other := image.NewGray(rectangle.Bounds())
	g.Draw(other, rectangle)
	for y := 1; y < 10; y++ {
		for x := 1; x < 13; x++ {
			if (other.GrayAt(x, y).Y > 0) != magnitude(rectangle, x, y) {
				panic("gift")
			}
		}
	}
	left, right, top, bottom := at(sobel, 4, 5), at(sobel, 9, 5), at(sobel, 7, 3), at(sobel, 7, 7)
	fmt.Printf("Sobel of a bright rectangle: left %d, right %d, top %d, bottom %d; by gift %d, %d, %d, %d\n", left, right, top, bottom,
		at(other, 4, 5), at(other, 9, 5), at(other, 7, 3), at(other, 7, 7))
	return left == 255 && bottom == 255 && right == 0 && top == 0
}

func turns() bool {
	seen := true
	for _, size := range []image.Point{{4, 4}, {5, 3}, {6, 4}, {4, 3}, {3, 4}, {9, 4}} {
		m := grey(size.X, size.Y, func(x, y int) uint8 { return uint8(20 + 20*y + x) })
		turned := transform.Rotate(m, 90, &transform.RotationOptions{ResizeBounds: true})
		g := gift.New(gift.Rotate90())
		other := image.NewGray(g.Bounds(m.Bounds()))
		g.Draw(other, m)
		if lost(m, other) != 0 {
			panic("gift")
		}
		n, odd := lost(m, turned), (size.X-size.Y)%2 != 0
		fmt.Printf("%d by %d turned by 90 degrees: %v, %d of %d pixels lost\n", size.X, size.Y, turned.Bounds().Size(), n, len(m.Pix))
		seen = seen && (n > 0) == odd
	}
	return seen
}

func blurs() bool {
	white := grey(12, 12, func(int, int) uint8 { return 255 })
	box, gaussian, more := blur.Box(white, 2).RGBAAt(6, 6), blur.Gaussian(white, 2).RGBAAt(6, 6), blur.Gaussian(white, 3).RGBAAt(6, 6)
	fmt.Printf("white, blurred: %v, %v, %v\n", box, gaussian, more)
	return box == color.RGBA{254, 254, 254, 254} && gaussian == color.RGBA{254, 254, 254, 254} && more == color.RGBA{253, 253, 253, 253}
}

func main() {
	a, b, c := edges(), turns(), blurs()
	if !a || !b || !c {
		fmt.Println("it changed")
		os.Exit(1)
	}
}
GO
go get github.com/anthonynsimon/bild@v0.14.0 github.com/disintegration/gift@v1.2.1 > /dev/null 2>&1
go run .
