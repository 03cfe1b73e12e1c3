package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"fovea/picture/internal/fault"
)

// idleTime is how long a process waits for the next file; a variable for tests.
var idleTime = 10 * time.Second

// Decode decodes a file's first or primary image, into pix if that is large enough. took is the processor's time. An
// error wraps one of this package's. It is safe for concurrent use: each call has a process of its own.
func Decode(kind Kind, data []byte, pix []uint8, options Options, limits Limits) (p Picture, took time.Duration, err error) {
	q := request{Kind: uint8(kind), Deep: options.Deep}
	return attempt(func(w *process) (Picture, time.Duration, error) {
		p, took, err := w.decode(q, data, pix, limits)
		if !w.ended {
			w.give()
		}
		return p, took, err
	})
}

// attempt has a process decode, and another one if that was killed.
func attempt(decode func(*process) (Picture, time.Duration, error)) (p Picture, took time.Duration, err error) {
	for range maxAttempts {
		w, err := take()
		if err != nil {
			return Picture{}, 0, err
		}
		// One that was killed, while it waited or since, says nothing about the file.
		if p, took, err = decode(w); !errors.Is(err, errGone) {
			return p, took, err
		}
	}
	return Picture{}, took, &failure{fault.ErrTooLarge, "its decoder was killed again and again, for want of memory most likely"}
}

// maxAttempts is how often a file is tried whose process was killed.
const maxAttempts = 3

// Versions are those of the libraries, or an ErrMissing if one of them is not there.
func Versions() (string, error) {
	for _, kind := range []Kind{AVIF, HEIF, JPEG2000, JPEGXL} {
		if err := Missing(kind); err != nil {
			return "", err
		}
	}
	return "libavif " + avifVersion + ", libheif " + heifVersion + ", OpenJPEG " + jpegVersion + ", libjxl " + jxlVersion, nil
}

// Missing is an ErrMissing if files of that kind cannot be decoded on this machine, and nil if they can.
func Missing(kind Kind) error {
	limits := Limits{Pixels: 1, Memory: 1 << 30, Time: time.Minute}
	if _, _, err := Decode(kind, []byte{0}, nil, Options{}, limits); errors.Is(err, fault.ErrMissing) {
		return err
	}
	return nil
}

// process is one that decodes. It belongs to the caller of Decode, or to a Sequence, or is idle.
type process struct {
	command *exec.Cmd
	ended   bool
	files   *os.File // its input
	replies *os.File
	expiry  *time.Timer // of one that is idle
}

var idle struct {
	sync.Mutex
	list []*process
}

// take returns a process that was used before, or else a new one.
func take() (w *process, err error) {
	idle.Lock()
	defer idle.Unlock()
	for n := len(idle.list); n > 0; n = len(idle.list) {
		w, idle.list = idle.list[n-1], idle.list[:n-1]
		if w.expiry.Stop() {
			return w, nil
		} // else it is being let go
	}
	return start()
}

// give keeps a process for the next file.
func (w *process) give() {
	idle.Lock()
	defer idle.Unlock()
	idle.list = append(idle.list, w)
	w.expiry = time.AfterFunc(idleTime, func() {
		idle.Lock()
		for i, other := range idle.list {
			if other == w {
				idle.list = append(idle.list[:i], idle.list[i+1:]...)
				break
			}
		}
		idle.Unlock()
		w.end()
	})
}

// startTime bounds how long a process may take to say that it is there: a loaded machine has to load the program.
const startTime = 2 * time.Minute

func start() (*process, error) {
	missing := func(err error) error {
		return &failure{fault.ErrMissing, "cannot start a process for it: " + err.Error()}
	}
	itsInput, files, err := os.Pipe()
	if err != nil {
		return nil, missing(err)
	}
	defer itsInput.Close()
	replies, itsReplies, err := os.Pipe()
	if err != nil {
		files.Close()
		return nil, missing(err)
	}
	defer itsReplies.Close()
	widen(replies)
	w := &process{files: files, replies: replies}
	if w.command, err = command(itsReplies); err == nil {
		w.command.Stdin = itsInput
		err = w.command.Start()
	}
	if err != nil {
		files.Close()
		replies.Close()
		if errors.Is(err, fault.ErrMissing) {
			return nil, err
		}
		return nil, missing(err)
	}
	hello := make([]byte, len(greeting)+1)
	replies.SetReadDeadline(time.Now().Add(startTime))
	if _, err := io.ReadFull(replies, hello); err != nil || string(hello[:len(greeting)]) != greeting {
		w.command.Process.Kill()
		return nil, missing(fmt.Errorf("%s does not become one (%v; %w)", w.command.Path, err, w.end()))
	}
	noteConfinement(hello[len(greeting)] == isConfined)
	return w, nil
}

// end lets a process go, and says how it ended.
func (w *process) end() error {
	w.ended = true
	w.files.Close()
	w.replies.Close()
	return w.command.Wait()
}

// errGone is a process that ended before it had the file, or was killed.
var errGone = errors.New("its process is gone")

// decode sends a request, with its file, and receives what comes of it. The process is ended if something was wrong with
// it.
func (w *process) decode(q request, data []byte, pix []uint8, limits Limits) (p Picture, took time.Duration, err error) {
	// The processor's time is bounded by the process itself; this is for one that waits for something.
	deadline := time.Now().Add(20*limits.Time + time.Minute)
	w.files.SetWriteDeadline(deadline)
	w.replies.SetReadDeadline(deadline)
	q.Pixels, q.Memory, q.Time, q.Size = limits.Pixels, limits.Memory, limits.Time, int64(len(data))
	if err := send(w.files, q, data); err != nil {
		return p, 0, w.lost(fmt.Errorf("%w: %w", errGone, err))
	}
	var r reply
	if err := binary.Read(w.replies, binary.LittleEndian, &r); err != nil {
		return p, limits.Time, w.lost(err)
	}
	if int(r.Reason) >= len(reasons) || r.Size < 0 || r.Reason == 0 && !r.plausible() {
		return p, r.Time, w.lost(errors.New("its reply makes no sense"))
	}
	body, err := receive(w.replies, pix, r.Size)
	if err != nil {
		return p, r.Time, w.lost(err)
	}
	if r.Reason != 0 {
		return p, r.Time, &failure{reasons[r.Reason], string(body)}
	}
	return Picture{Width: int(r.Width), Height: int(r.Height), Channels: int(r.Channels), Premultiplied: r.Premultiplied,
		Sample: int(r.Sample), Bits: r.Bits, Signed: r.Signed, Float: r.Float, JPEG: r.JPEG, Pix: body, Stride: int(r.Stride)}, r.Time, nil
}

// plausible says that the pixels fit the size: a crafted file may have made the process say anything.
func (r reply) plausible() bool {
	if r.JPEG {
		return true
	}
	row := int64(r.Width) * int64(r.Channels) * int64(r.Sample)
	return r.Width > 0 && r.Height > 0 && r.Channels > 0 && r.Channels <= maxChannels && int64(r.Stride) >= row &&
		(r.Sample == 1 || r.Sample == 2 || r.Sample == 4) && (!r.Float || r.Sample == 4) && r.Size == int64(r.Stride)*int64(r.Height)
}

// lost ends a process that does not answer and says why.
func (w *process) lost(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.command.Process.Kill()
		w.end()
		return &failure{fault.ErrTooSlow, "its decoder waits for something"}
	}
	ended := w.end()
	switch state := w.command.ProcessState; {
	case state.ExitCode() == tooSlowExit:
		return &failure{fault.ErrTooSlow, "its decoder took too long"}
	case errors.Is(err, errGone), wasKilled(state):
		return fmt.Errorf("%w: %w", errGone, ended)
	default:
		return &failure{fault.ErrCorrupt, fmt.Sprintf("its decoder crashed (%v)", state)}
	}
}
