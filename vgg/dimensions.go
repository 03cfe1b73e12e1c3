package vgg

import (
	"fmt"
	"maps"
	"strconv"

	"fovea/vgg/weights"
)

// Dimensions are what a configuration leaves open. A zero field stands for that of the published
// networks.
type Dimensions struct {
	// InputSize is the height and width of the images in pixels, at least 32, so that five poolings
	// leave something (default InputSize).
	InputSize int
	// Units is the number of units of fc6 and of fc7 (default 4096).
	Units int
	// Classes is the number of classes (default 1000).
	Classes int
}

// MinInputSize is the smallest image that survives five poolings.
const MinInputSize = 32

// Bounds that keep a hostile file from exhausting memory.
const (
	maxInputSize = 1024
	maxUnits     = 1 << 16
)

func (d Dimensions) orPublished() Dimensions {
	if d.InputSize == 0 {
		d.InputSize = InputSize
	}
	if d.Units == 0 {
		d.Units = denseUnits
	}
	if d.Classes == 0 {
		d.Classes = imagenetClasses
	}
	return d
}

// Validate rejects dimensions that no network can have.
func (d Dimensions) Validate() error {
	d = d.orPublished()
	switch {
	case d.InputSize < MinInputSize || d.InputSize > maxInputSize:
		return fmt.Errorf("vgg: images of %d pixels: use %d to %d", d.InputSize, MinInputSize, maxInputSize)
	case d.Units < 1 || d.Units > maxUnits:
		return fmt.Errorf("vgg: %d units of fc6 and fc7: use 1 to %d", d.Units, maxUnits)
	case d.Classes < 2 || d.Classes > maxUnits:
		return fmt.Errorf("vgg: %d classes: use 2 to %d", d.Classes, maxUnits)
	}
	return nil
}

// Weights of other dimensions than the published ones state them in their metadata.
const (
	inputSizeKey = "input_size"
	unitsKey     = "units"
	classesKey   = "classes"
)

// Note returns the weights with these dimensions stated in their metadata.
func (d Dimensions) Note(set weights.Set) weights.Set {
	d = d.orPublished()
	noted := map[string]string{}
	maps.Copy(noted, set.Metadata)
	noted[inputSizeKey], noted[unitsKey], noted[classesKey] = strconv.Itoa(d.InputSize), strconv.Itoa(d.Units), strconv.Itoa(d.Classes)
	set.Metadata = noted
	return set
}

// dimensions are those that the weights state.
func dimensions(set weights.Set) (Dimensions, error) {
	var d Dimensions
	for _, size := range []struct {
		key string
		to  *int
	}{{inputSizeKey, &d.InputSize}, {unitsKey, &d.Units}, {classesKey, &d.Classes}} {
		noted, found := set.Metadata[size.key]
		if !found {
			continue
		}
		n, err := strconv.Atoi(noted)
		if err != nil || n < 1 {
			return d, fmt.Errorf("vgg: the weights state %q for %s, which is not a size", noted, size.key)
		}
		*size.to = n
	}
	return d.orPublished(), d.Validate()
}
