package cli

import (
	"math"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"fovea/picture"
)

// DecodingVars defines the limits of what decoding an image may take: --max-pixels, with a default,
// and --max-decode-seconds.
func DecodingVars(f *pflag.FlagSet, pixels *int, limit *time.Duration, most int) {
	*pixels, *limit = most, picture.DefaultMaxTime
	f.Var((*pixelsValue)(pixels), "max-pixels", "refuse images with more than `N` pixels, according to their headers, or that take as much memory")
	f.Var((*secondsValue)(limit), "max-decode-seconds", "refuse images that take more than `N` seconds of processor time to decode and resize")
}

type pixelsValue int

func (v *pixelsValue) String() string { return strconv.Itoa(int(*v)) }

func (v *pixelsValue) Type() string { return "int" }

func (v *pixelsValue) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return Usagef("give a positive number")
	}
	*v = pixelsValue(n)
	return nil
}

type secondsValue time.Duration

func (v *secondsValue) String() string {
	return strconv.FormatFloat(time.Duration(*v).Seconds(), 'g', -1, 64)
}

func (v *secondsValue) Type() string { return "float" }

func (v *secondsValue) Set(text string) error {
	n, err := strconv.ParseFloat(text, 64)
	if limit := n * float64(time.Second); err == nil && limit >= 1 && limit < math.MaxInt64 {
		*v = secondsValue(limit)
		return nil
	}
	return Usagef("give a positive number of seconds, such as 60 or 0.5")
}
