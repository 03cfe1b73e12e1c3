//go:build (linux || darwin) && (amd64 || arm64)

package codec

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"

	"fovea/picture/internal/fault"
)

// cacheName is the libraries' directory in the cache; scripts/codecs.sh has the same.
const cacheName = "codecs-pillow-13.0.0-pi-heif-1.4.0-imagecodecs-2026.10.10"

// open loads a library by the beginning of its name; its version must be the pinned one, since its structures are.
func open(name, versionOf, version string) (handle uintptr, err error) {
	return openBy(name, version, func(handle uintptr) string {
		var get func() string
		purego.RegisterLibFunc(&get, handle, versionOf)
		return get()
	})
}

func openBy(name, version string, versionOf func(handle uintptr) string) (handle uintptr, err error) {
	path := find(name)
	if path == "" {
		return 0, &failure{fault.ErrMissing, fmt.Sprintf("%s %s is not in lib beside the program, nor in the cache: "+
			"install fovea with it, run scripts/codecs.sh install, or name its directory by FOVEA_CODECS", name, version)}
	}
	if needed := find("libde265"); name == "libheif" && needed != "" { // which lies beside it
		if _, err := purego.Dlopen(needed, purego.RTLD_NOW|purego.RTLD_GLOBAL); err != nil {
			return 0, &failure{fault.ErrMissing, err.Error()}
		}
	}
	if handle, err = purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL); err != nil {
		return 0, &failure{fault.ErrMissing, err.Error()}
	}
	if got := versionOf(handle); got != version {
		return 0, &failure{fault.ErrMissing, fmt.Sprintf("%s is of version %s, and %s is needed: run scripts/codecs.sh install", path, got, version)}
	}
	return handle, nil
}

// find is the path of a library, or "".
func find(name string) string {
	for _, dir := range directories() {
		pattern := filepath.Join(dir, name+`[.\-]*.so*`)
		if runtime.GOOS == "darwin" {
			pattern = filepath.Join(dir, name+"*.dylib")
		}
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0]
		}
	}
	return ""
}

// directories are those in which the libraries are looked for.
func directories() (dirs []string) {
	if given := os.Getenv("FOVEA_CODECS"); given != "" {
		return []string{given}
	}
	if program, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(program); err == nil {
			program = real
		}
		beside := filepath.Dir(program)
		dirs = append(dirs, filepath.Join(beside, "lib"), filepath.Join(filepath.Dir(beside), "lib"))
	}
	cache := os.Getenv("FOVEA_CACHE")
	if cache == "" {
		general := os.Getenv("XDG_CACHE_HOME")
		if home, err := os.UserHomeDir(); general == "" && err == nil {
			general = filepath.Join(home, ".cache")
		}
		cache = filepath.Join(general, "fovea")
	}
	return append(dirs, filepath.Join(cache, cacheName))
}

// opened is a file that a library has open.
type opened interface {
	frame(index uint32, options Options) (planes, error)
	close()
}

// openFile opens a file by its library. It is used by one thread.
func openFile(kind Kind, data []byte, limits Limits) (opened, error) {
	if len(data) == 0 {
		return nil, &failure{fault.ErrTruncated, "the file is empty"}
	}
	switch kind {
	case AVIF:
		library, err := loadAVIF()
		if err != nil {
			return nil, err
		}
		return library.open(data, limits)
	case HEIF:
		library, err := loadHEIF()
		if err != nil {
			return nil, err
		}
		return library.open(data, limits)
	case JPEG2000:
		library, err := loadJPEG2000()
		return still{library, data, limits}, err
	default:
		library, err := loadJPEGXL()
		return still{library, data, limits}, err
	}
}

// still is a file with one image, which is decoded as a whole.
type still struct {
	library interface {
		decode(data []byte, limits Limits) (planes, error)
	}
	data   []byte
	limits Limits
}

func (s still) frame(uint32, Options) (planes, error) { return s.library.decode(s.data, s.limits) }
func (s still) close()                                {}

var (
	loadAVIF = sync.OnceValues(newAVIF)
	loadHEIF = sync.OnceValues(newHEIF)

	loadJPEG2000 = sync.OnceValues(newJPEG2000)
	loadJPEGXL   = sync.OnceValues(newJPEGXL)
)

// planes are pixels in the library's memory, until free is called.
type planes struct {
	Picture
	free func()
}

// text is a string of C, cut if it is long.
func text(p *byte) string {
	var out []byte
	for ; p != nil && *p != 0 && len(out) < 500; p = (*byte)(unsafe.Add(unsafe.Pointer(p), 1)) {
		out = append(out, *p)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}
