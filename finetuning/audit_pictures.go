package finetuning

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"fovea/internal/budget"
	"fovea/internal/spelling"
	"fovea/internal/text"
	"fovea/picture"
)

// A property tells a class if a value of it separates the class's images from others as well as an area under the ROC
// curve of telltaleArea, which chance does not do (telltaleDeviations of the rank-sum test).
const (
	telltaleArea       = 0.8
	telltaleDeviations = 5
)

// property is a number of each image, NaN where it is unknown.
type property struct {
	name        string
	less, more  string // what images with small and with large values are
	values      []float64
	description func(median float64) string
}

// telltale are properties of the pictures' files that tell classes, so that a model may learn them
// instead of what is shown.
func (a *audit) telltale(exposures []float64) *Finding {
	pixels := func(v float64) string { return fmt.Sprintf("%.0f pixels", v) }
	all := []property{
		{"width", "narrower", "wider", nil, pixels}, {"height", "lower", "higher", nil, pixels},
		{"aspect", "narrower for their height", "wider for their height", nil, func(v float64) string { return fmt.Sprintf("%.2f", v) }},
	}
	for _, s := range a.sizes {
		w, h := float64(s[0]), float64(s[1])
		all[0].values, all[1].values = append(all[0].values, w), append(all[1].values, h)
		all[2].values = append(all[2].values, w/h)
	}
	if exposures != nil {
		all = append(all, property{"exposure", "darker", "brighter", exposures, func(v float64) string { return fmt.Sprintf("%.0f of 255", v) }})
	}
	f := &Finding{
		What: "told by the size, shape or exposure of the pictures alone", Unit: "class",
		Do: "a model may learn that instead of what is shown: take pictures of all classes in the same way, or crop them to one shape before extraction, and test on pictures from elsewhere",
	}
	for c := range a.classes {
		if len(a.classes) == 2 && c == 1 && f.Count > 0 {
			break // the first class's says the same
		}
		details := a.oneSize(c)
		for _, p := range all {
			details = append(details, a.tells(c, p)...)
		}
		if len(details) > 0 {
			f.Count++
			f.Details = append(f.Details, spelling.Name(a.classes[c])+": "+strings.Join(details, "; "))
		}
	}
	return f
}

// tells says how a property tells a class from the others, nothing if it does not.
func (a *audit) tells(class int, p property) []string {
	var inside, outside []float64
	for i, v := range p.values {
		switch {
		case math.IsNaN(v):
		case a.y[i] == class:
			inside = append(inside, v)
		default:
			outside = append(outside, v)
		}
	}
	n, m := float64(len(inside)), float64(len(outside))
	if n < leastOfClass || m < leastOfClass {
		return nil
	}
	area := rankArea(inside, outside)
	deviation := math.Sqrt((n + m + 1) / (12 * n * m))
	if math.Abs(area-0.5) < max(telltaleArea-0.5, telltaleDeviations*deviation) {
		return nil
	}
	which := p.less
	if area > 0.5 {
		which = p.more
	}
	return []string{fmt.Sprintf("pictures are %s, median %s against %s (area under the ROC curve of %s alone: %.3f)",
		which, p.description(median(inside)), p.description(median(outside)), p.name, max(area, 1-area))}
}

// rankArea is the probability that a value inside is larger than one outside, ties counting half.
func rankArea(inside, outside []float64) float64 {
	slices.Sort(outside)
	sum := 0.0
	for _, v := range inside {
		below, _ := slices.BinarySearch(outside, v)
		upTo, _ := slices.BinarySearchFunc(outside, v, func(o, v float64) int {
			if o <= v {
				return -1
			}
			return 1
		})
		sum += float64(below+upTo) / 2
	}
	return sum / float64(len(inside)) / float64(len(outside))
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// A class is told by one size if at least so much of it has that size, and at most so much of the others.
const (
	oneSizeInside  = 0.5
	oneSizeOutside = 0.1
)

// oneSize finds a size that a class's pictures have and others do not.
func (a *audit) oneSize(class int) []string {
	inside, outside := map[[2]int]int{}, map[[2]int]int{}
	for i, s := range a.sizes {
		if a.y[i] == class {
			inside[s]++
		} else {
			outside[s]++
		}
	}
	n := len(a.members[class])
	if m := len(a.y) - n; n >= 2*leastOfClass && m >= 2*leastOfClass {
		for s, count := range inside {
			if float64(count) >= oneSizeInside*float64(n) && float64(outside[s]) <= oneSizeOutside*float64(m) {
				return []string{fmt.Sprintf("%d of %s are %dx%d, of the others %d of %d", count, text.Plural(n, "picture"), s[0], s[1], outside[s], m)}
			}
		}
	}
	return nil
}

// exposureSize is the width and height in pixels at which exposures are measured.
const exposureSize = 32

// exposures are the mean luminances of the images, 0 to 255, NaN where an image cannot be read; nil without images.
func (a *audit) exposures(ctx context.Context) ([]float64, error) {
	if a.o.Images == "" {
		return nil, nil
	}
	all := make([]float64, len(a.y))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, path := range a.f.Paths {
		group.Go(func() error {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			all[i] = exposure(filepath.Join(a.o.Images, filepath.FromSlash(path)))
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	missing := 0
	for _, v := range all {
		if math.IsNaN(v) {
			missing++
		}
	}
	if missing == len(all) {
		return nil, fmt.Errorf("--images %s has none of the %d images, such as %s, or they cannot be read: name the directory that was given to extract", a.o.Images, missing, a.f.Paths[0])
	}
	if missing > 0 {
		logrus.Warnf("the exposure of %s is unknown: not found in %s, or not readable", text.Plural(missing, "image"), a.o.Images)
	}
	return all, nil
}

// exposure is the mean luminance of an image file, NaN if it cannot be read.
func exposure(file string) float64 {
	content, err := budget.ReadFile(file, picture.MaxFileBytes)
	if err != nil {
		return math.NaN()
	}
	p, err := picture.Decode(content, picture.Options{Width: exposureSize, Height: exposureSize})
	if err != nil {
		return math.NaN()
	}
	sum := 0.0
	for i := 0; i+2 < len(p.Pix); i += 3 { // Rec. 601
		sum += 0.299*float64(p.Pix[i]) + 0.587*float64(p.Pix[i+1]) + 0.114*float64(p.Pix[i+2])
	}
	return sum / float64(p.Width*p.Height)
}
