package serving

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"runtime"
	"time"

	"fovea/internal/budget"
	"fovea/internal/text"
	"fovea/internal/web"
	"fovea/picture"
)

// Defaults of ServerOptions.
const (
	DefaultMaxBytes = 20 << 20
	DefaultTimeout  = 30 * time.Second
	DefaultRequests = 64
	// DefaultMemory is the least default of ServerOptions.Memory.
	DefaultMemory = 1 << 30
)

// ServerOptions bound what clients can make a Server do, and say what it answers.
type ServerOptions struct {
	// Decision makes the label, and says how many probabilities are in an answer.
	Decision Decision
	// MaxBytes is the most bytes of an image's file (default: DefaultMaxBytes).
	MaxBytes int64
	// Timeout is the longest time from a request to its answer (default: DefaultTimeout).
	Timeout time.Duration
	// Requests is the number of images in progress at a time, from when their file has arrived
	// (default: DefaultRequests). Large pictures get three quarters of the places.
	Requests int
	// Decoders is the number of small pictures, and that of large ones, decoded at a time (default:
	// one per CPU).
	Decoders int
	// Memory is the number of bytes for the images of all requests: a quarter for files, the rest for
	// pictures while they are decoded (default: DefaultMemory, or what the largest image needs if that
	// is more).
	Memory int64
	// Name is the head's in protocols that name models (default: DefaultName).
	Name string
	// Version is the program's, for those that ask for it.
	Version string
	// Neighbors are the rows for requests of similar ones; nil for none.
	Neighbors *Neighbors
	// Site is the server's face to the web: encryption, tokens, the pages that may call it, the log of
	// requests (default: that of zero web.Options).
	Site *web.Site
}

// ErrMemory marks a Memory that is too small for the largest image.
var ErrMemory = errors.New("serving: too little memory")

// Validate returns ErrName if the name cannot be part of a path, and ErrMemory if the largest image, with so many
// pixels, would not fit into Memory or, where that is 0, into the machine's. 0 pixels are picture.DefaultMaxPixels.
func (o ServerOptions) Validate(maxPixels int) error {
	if err := checkName(o.Name); err != nil {
		return err
	}
	least := o.leastMemory(maxPixels)
	machine := budget.Total() // 0 if unknown
	has, remedy := "", "allow more (--memory)"
	switch {
	case o.Memory > 0 && o.Memory < least:
		has = text.Size(o.Memory)
	case o.Memory == 0 && machine > 0 && machine < least:
		has, remedy = text.Size(machine)+" in this machine", "use a larger machine"
	default:
		return nil
	}
	return fmt.Errorf("%w: %s, where files of %s and images of %d pixels may take %s: %s, or only smaller files (--max-bytes) and images (--max-pixels)",
		ErrMemory, has, text.Size(cmp.Or(o.MaxBytes, DefaultMaxBytes)), cmp.Or(maxPixels, picture.DefaultMaxPixels), text.Size(least), remedy)
}

func (o ServerOptions) withDefaults(maxPixels int) ServerOptions {
	o.Name = cmp.Or(o.Name, DefaultName)
	o.MaxBytes = cmp.Or(o.MaxBytes, DefaultMaxBytes)
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	o.Requests = cmp.Or(o.Requests, DefaultRequests)
	o.Site = cmp.Or(o.Site, &web.Site{})
	o.Decoders = cmp.Or(o.Decoders, runtime.GOMAXPROCS(0))
	o.Memory = cmp.Or(o.Memory, max(DefaultMemory, o.leastMemory(maxPixels)))
	return o
}

// bytesPerPixel is about the most that a usual picture takes while it is decoded: 16 bits in four
// channels, in the decoder's buffer and as an image, and 3 bytes more where it is turned. Pictures that
// take more than there is are refused one by one.
const bytesPerPixel = 19

// leastMemory has room for two of the largest files and one of the largest pictures.
func (o ServerOptions) leastMemory(maxPixels int) int64 {
	files := min(cmp.Or(o.MaxBytes, DefaultMaxBytes), math.MaxInt64/8)
	pixels := min(int64(cmp.Or(maxPixels, picture.DefaultMaxPixels)), math.MaxInt64/bytesPerPixel/8)
	return max(2*4*files, pixels*bytesPerPixel*8/5+8)
}

// The shares of the memory: of files, of small pictures, of large ones.
func (o ServerOptions) fileMemory() int64  { return o.Memory / 4 }
func (o ServerOptions) smallMemory() int64 { return o.Memory / 8 }
func (o ServerOptions) largeMemory() int64 { return o.Memory / 8 * 5 }
