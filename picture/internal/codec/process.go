//go:build (linux || darwin) && (amd64 || arm64)

package codec

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fovea/picture/internal/fault"
)

// The environment's variable by which the program becomes a process that decodes.
const asProcess = "FOVEA_PICTURE_CODEC"

// tooSlowExit is how a process ends that took too long.
const tooSlowExit = 84

func init() {
	if os.Getenv(asProcess) == "1" {
		serve()
	}
}

// serve is a process's life.
func serve() {
	runtime.LockOSThread()
	in, out := bufio.NewReaderSize(os.Stdin, 1<<16), os.NewFile(3, "replies")
	harden()
	state := byte(isNotConfined)
	if load() {
		state = isConfined
	}
	if _, err := io.WriteString(out, greeting+string(state)); err != nil {
		os.Exit(1)
	}
	s := new(server)
	for {
		var q request
		if err := binary.Read(in, binary.LittleEndian, &q); err != nil {
			os.Exit(0) // the program is done, or gone
		}
		if !q.Again {
			s.close()
			var err error
			if s.data, err = receive(in, s.data, q.Size); err != nil {
				os.Exit(0)
			}
		}
		if err := s.answer(out, q); err != nil {
			os.Exit(1)
		}
	}
}

// server has the file that is decoded.
type server struct {
	data []byte
	open opened // nil if none is
}

// close lets go of the file that is open.
func (s *server) close() {
	if s.open != nil {
		s.open.close()
		s.open = nil
	}
	if cap(s.data) > maxRetained {
		s.data = nil
	}
}

// maxRetained bounds what is kept of one file for the next.
const maxRetained = 16 << 20

// load loads the libraries, as far as they are there, and then gives up the right to open files, if the system can do
// that.
func load() (confined bool) {
	prepare()
	_, _ = loadAVIF() // errors are told to who wants the library
	_, _ = loadHEIF()
	_, _ = loadJPEG2000()
	_, _ = loadJPEGXL()
	runtime.GC() // so that the collector's threads are there
	return confine()
}

// answer decodes a file and sends what comes of it.
func (s *server) answer(out io.Writer, q request) error {
	begun := processTime()
	if !q.Again {
		limitMemory(q.Memory)
	}
	stop := watch(begun, q.Time)
	p, err := s.decode(q)
	close(stop)
	if !q.Keep {
		defer s.close()
	}
	r := reply{Time: processTime() - begun}
	if err != nil {
		var f *failure
		if !errors.As(err, &f) {
			f = &failure{fault.ErrCorrupt, err.Error()}
		}
		r.Reason, r.Size = uint8(slices.Index(reasons[:], f.reason)), int64(len(f.what))
		return send(out, r, []byte(f.what))
	}
	defer p.free()
	r.Channels, r.Premultiplied, r.Sample = uint8(p.Channels), p.Premultiplied, uint8(max(p.Sample, 1))
	r.Bits, r.Signed, r.Float, r.JPEG = p.Bits, p.Signed, p.Float, p.JPEG
	r.Width, r.Height, r.Stride, r.Size = uint32(p.Width), uint32(p.Height), uint32(p.Stride), int64(len(p.Pix))
	return send(out, r, p.Pix)
}

// decode decodes a frame of the file that is open, or of the one that is to be opened.
func (s *server) decode(q request) (p planes, err error) {
	if s.open == nil {
		if s.open, err = openFile(Kind(q.Kind), s.data, Limits{q.Pixels, q.Memory, q.Time}); err != nil {
			return p, err
		}
	}
	return s.open.frame(q.Index, Options{q.Deep})
}

// watch ends the process when it has taken more of the processor's time than it may, unless the channel is closed
// before.
func watch(begun, most time.Duration) chan<- struct{} {
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if processTime()-begun > most {
					os.Exit(tooSlowExit)
				}
			}
		}
	}()
	return done
}

// processTime is what the process has taken of all processors.
func processTime() time.Duration {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// harden takes from the process what a decoder does not need: writing files, dumping its memory, opening many.
func harden() {
	for resource, most := range map[int]uint64{unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CORE: 0, unix.RLIMIT_NOFILE: 64} {
		// What the system refuses to lower stays as it is.
		_ = unix.Setrlimit(resource, &unix.Rlimit{Cur: most, Max: most})
	}
}

// inherited are the variables by which libraries are found. Others may be secrets, which a decoder must not know.
var inherited = []string{"FOVEA_CODECS", "FOVEA_CACHE", "XDG_CACHE_HOME", "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}

// command is how a process is started: with the reading end of its replies.
func command(replies *os.File) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if runtime.GOOS == "linux" {
		program = "/proc/self/exe" // also where the file has been replaced since
	}
	c := exec.Command(program)
	c.Env = []string{asProcess + "=1", "GOMAXPROCS=2", "GOTRACEBACK=none"}
	for _, name := range inherited {
		if value, is := os.LookupEnv(name); is {
			c.Env = append(c.Env, name+"="+value)
		}
	}
	c.ExtraFiles = []*os.File{replies}
	// An interrupt of the terminal is for the program, which finishes what it has begun.
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return c, nil
}

// wasKilled tells a process that the system ended.
func wasKilled(state *os.ProcessState) bool {
	status, is := state.Sys().(syscall.WaitStatus)
	return is && status.Signaled() && status.Signal() == syscall.SIGKILL
}
