package libtensorflow

// #include <stdlib.h>
// #include "load.h"
import "C"

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"unsafe"
)

// checked says what is missing in the library's files: a copy that was broken off ends the program by SIGBUS, without a
// word, when the linker comes to what is not there.
var checked = sync.OnceValue(func() error {
	path := file()
	if path == "" {
		return nil
	}
	if err := whole(path); err != nil {
		return err
	}
	return whole(filepath.Join(filepath.Dir(path), "libtensorflow_framework.so.2")) // which the other one needs
})

// file is the path of the library, "" if only the linker knows it.
func file() string {
	c := C.fovea_libtensorflow_file()
	defer C.free(unsafe.Pointer(c))
	return C.GoString(c)
}

// whole says whether a library has all that is to be loaded of it. Whatever else is wrong the linker says.
func whole(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	var header elf.Header64
	if err != nil || !read(f, 0, &header) || string(header.Ident[:4]) != elf.ELFMAG || elf.Class(header.Ident[elf.EI_CLASS]) != elf.ELFCLASS64 {
		return nil
	}
	for i := range int64(header.Phnum) {
		var part elf.Prog64
		if !read(f, int64(header.Phoff)+i*int64(header.Phentsize), &part) {
			return nil
		}
		if end := part.Off + part.Filesz; elf.ProgType(part.Type) == elf.PT_LOAD && end > uint64(info.Size()) {
			return fmt.Errorf("%s was cut off: it has %d bytes of at least %d: copy it again, or run make build", path, info.Size(), end)
		}
	}
	return nil
}

// read reads what is at an offset, in the byte order of all processors that TensorFlow runs on, and says whether it is
// there.
func read(f *os.File, offset int64, to any) bool {
	return binary.Read(io.NewSectionReader(f, offset, int64(binary.Size(to))), binary.LittleEndian, to) == nil
}
