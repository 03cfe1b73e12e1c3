package picture

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Views are the views of an image that a model sees. Their features are averaged elsewhere.
type Views string

const (
	// Center is the image as Resize makes it, once. It is the zero value's meaning.
	Center Views = "center"
	// Flip is Center and its mirror image.
	Flip Views = "flip"
	// TenCrop is the four corners and the centre, in the order top left, top right, bottom left,
	// bottom right, centre, and the same of the mirror image, as torchvision's TenCrop (Krizhevsky,
	// Sutskever and Hinton 2012, section 4.1). They are cut from the image that Crop takes its
	// centre from or, with Squash, from the whole image at 256x256 for a model of 224, in
	// proportion for others, as in Caffe's examples.
	TenCrop Views = "tencrop"
	// DenseViews is the whole image at several scales with its mirror images, for a model that
	// takes images of any size: "dense", or "dense:256,384,512", which means the same; the numbers
	// are Dense's Sides.
	DenseViews Views = "dense"
)

// paperSides are the scales of the paper's multi-scale evaluation.
const paperSides = "256,384,512"

// maxSide is the largest scale: a square image of that side has maxViewPixels.
const maxSide = 1414

// IsDense says whether the views are DenseViews, at any scales. A Dense makes them.
func (v Views) IsDense() bool {
	return v == DenseViews || strings.HasPrefix(string(v), string(DenseViews)+":")
}

// Sides are the scales of dense views.
func (v Views) Sides() ([]int, error) {
	list, _ := strings.CutPrefix(string(v), string(DenseViews)+":")
	if v == DenseViews {
		list = paperSides
	}
	var sides []int
	for text := range strings.SplitSeq(list, ",") {
		side, err := strconv.Atoi(text)
		if err != nil || side < 1 || side > maxSide {
			return nil, fmt.Errorf("image: a shorter side of %q pixels in the views %q: use 1 to %d", text, v, maxSide)
		}
		if slices.Contains(sides, side) {
			return nil, fmt.Errorf("image: a shorter side of %d pixels twice in the views %q", side, v)
		}
		sides = append(sides, side)
	}
	return sides, nil
}

// Canonical is the form in which views are stored: dense ones with their scales.
func (v Views) Canonical() Views {
	if v == DenseViews {
		return DenseViews + ":" + paperSides
	}
	return v
}

// Count is the number of views: 1, 2 or 10; 0 if the views are invalid.
func (v Views) Count() int {
	switch v {
	case "", Center:
		return 1
	case Flip:
		return 2
	case TenCrop:
		return 10
	}
	if v.IsDense() {
		if sides, err := v.Sides(); err == nil {
			return 2 * len(sides)
		}
	}
	return 0
}

// Validate reports whether the views are known.
func (v Views) Validate() error {
	if v.IsDense() {
		_, err := v.Sides()
		return err
	}
	if v.Count() == 0 {
		return fmt.Errorf("image: unknown views %q: use center, flip, tencrop, dense or dense:256,384,512", v)
	}
	return nil
}

// frame is a view's part of the scaled image: width x height pixels at left, top, mirrored
// afterwards if requested.
type frame struct {
	scaledWidth, scaledHeight int
	left, top, width, height  int
	mirrored                  bool
}

func (f frame) at(left, top int) frame {
	f.left, f.top = left, top
	return f
}

// frames are the views of an upright image of the given size.
func (o Options) frames(width, height int) []frame {
	corner := frame{scaledWidth: o.Width, scaledHeight: o.Height, width: o.Width, height: o.Height}
	switch {
	case o.Resize == Crop:
		corner.scaledWidth, corner.scaledHeight = shorterSide(width, height, withMargin(o.Width))
	case o.Views == TenCrop:
		corner.scaledWidth, corner.scaledHeight = withMargin(o.Width), withMargin(o.Height)
	}
	right, bottom := corner.scaledWidth-o.Width, corner.scaledHeight-o.Height
	centre := corner.at(halfEven(right), halfEven(bottom))
	switch o.Views {
	case Flip:
		mirrored := centre
		mirrored.mirrored = true
		return []frame{centre, mirrored}
	case TenCrop:
		views := []frame{corner, corner.at(right, 0), corner.at(0, bottom), corner.at(right, bottom), centre}
		for _, view := range views { // of the mirror image, whose left is the picture's right
			view.left, view.mirrored = right-view.left, true
			views = append(views, view)
		}
		return views
	}
	return []frame{centre}
}

// render makes an image's views, one after another.
func (w *workspace) render(dst []uint8, s source, f filter, views []frame) {
	at := 0
	for i, view := range views {
		size := 3 * view.width * view.height
		part := dst[at : at+size]
		at += size
		if same := slices.IndexFunc(views[:i], view.mirrors); same >= 0 { // all views are of one size
			copy(part, dst[same*size:])
		} else {
			w.resize(part, s, f, view)
		}
		if view.mirrored {
			mirror(part, view.width)
		}
	}
}

// mirrors says whether the view is the mirror image of the other one.
func (f frame) mirrors(other frame) bool {
	other.mirrored = !other.mirrored
	return f.mirrored && f == other
}

// mirror reverses each row of pixels.
func mirror(pix []uint8, width int) {
	for ; len(pix) > 0; pix = pix[3*width:] {
		for i, j := 0, width-1; i < j; i, j = i+1, j-1 {
			a, b := (*[3]uint8)(pix[3*i:]), (*[3]uint8)(pix[3*j:])
			*a, *b = *b, *a
		}
	}
}
