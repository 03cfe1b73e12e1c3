package main

// #cgo LDFLAGS: -ldl -Wl,--no-as-needed -lstdc++ -lm -lgcc_s
// #define _GNU_SOURCE
// #include <dlfcn.h>
// #include <link.h>
// #include <stdlib.h>
// #include <string.h>
//
// struct object { char *name; ElfW(Addr) base, from, to; };
//
// static struct object objects[256];
// static int count;
//
// static int add(struct dl_phdr_info *info, size_t size, void *unused) {
//   if (count == 256) return 1;
//   struct object o = {strdup(info->dlpi_name), info->dlpi_addr, ~(ElfW(Addr))0, 0};
//   for (int i = 0; i < info->dlpi_phnum; i++) {
//     const ElfW(Phdr) *p = &info->dlpi_phdr[i];
//     if (p->p_type != PT_LOAD) continue;
//     if (o.base + p->p_vaddr < o.from) o.from = o.base + p->p_vaddr;
//     if (o.base + p->p_vaddr + p->p_memsz > o.to) o.to = o.base + p->p_vaddr + p->p_memsz;
//   }
//   objects[count++] = o;
//   return 0;
// }
//
// // Loads a library as the programs do, and lists what the process has loaded then; returns what went wrong.
// static const char *load(const char *library) {
//   if (!dlopen(library, RTLD_NOW | RTLD_LOCAL)) return dlerror();
//   return dl_iterate_phdr(add, NULL) ? "too many libraries" : NULL;
// }
//
// static int loaded(struct object **all) {
//   *all = objects;
//   return count;
// }
//
// static ElfW(Addr) word(ElfW(Addr) at) { return *(const ElfW(Addr) *)at; }
import "C"

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"unsafe"
)

// meaning is where a reference leads in a process: the object by its number among those of observe, and the place in
// it. Places outside of all objects, such as in allocated memory, are all alike.
type meaning struct{ Object, Offset int64 }

// Numbers of objects: none, the one that holds the reference, and others in the order of loading.
const (
	nowhere = iota
	itself
	first
)

// observing is the first argument of the process that observes: a library is loaded, which cannot be undone.
const observing = "-observe"

// observed are the meanings of all references in the files of those names in a directory, when the first of them is
// loaded from another directory, where the files are those or bound ones.
func observed(dir, loaded string, names []string) ([][]meaning, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	out, err := os.CreateTemp("", "bind-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	c := exec.Command(program, append([]string{observing, dir, loaded, out.Name()}, names...)...)
	c.Env = append(os.Environ(), "LD_LIBRARY_PATH="+loaded)
	if said, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("load %s: %w: %s", filepath.Join(loaded, names[0]), err, said)
	}
	all := make([][]meaning, len(names))
	for i, name := range names {
		l, err := open(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		all[i] = make([]meaning, len(l.references))
		l.file.Close()
		if err := binary.Read(out, binary.LittleEndian, all[i]); err != nil {
			return nil, fmt.Errorf("read what %s refers to: %w", name, err)
		}
	}
	return all, nil
}

// object is something that is loaded in the process: a library or the program.
type object struct {
	name           string
	base, from, to uint64
}

// observe writes what observed reads to a file.
func observe(dir, loaded, to string, names []string) error {
	objects, err := load(filepath.Join(loaded, names[0]))
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer out.Close()
	for _, name := range names {
		l, err := open(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		own := slices.IndexFunc(objects, func(o object) bool { return filepath.Base(o.name) == name })
		if own < 0 {
			return fmt.Errorf("%s is not loaded with %s", name, names[0])
		}
		found := make([]meaning, len(l.references))
		for i, r := range l.references {
			found[i] = meaningOf(uint64(C.word(C.Elf64_Addr(objects[own].base+r.Off))), objects, own)
		}
		l.file.Close()
		if err := binary.Write(out, binary.LittleEndian, found); err != nil {
			return err
		}
	}
	return out.Close()
}

// load loads a library as the programs do, and lists what is loaded then.
func load(name string) ([]object, error) {
	library := C.CString(name)
	defer C.free(unsafe.Pointer(library))
	if why := C.load(library); why != nil {
		return nil, errors.New(C.GoString(why))
	}
	var all *C.struct_object
	count := C.loaded(&all)
	objects := make([]object, 0, count)
	for _, o := range unsafe.Slice(all, count) {
		objects = append(objects, object{C.GoString(o.name), uint64(o.base), uint64(o.from), uint64(o.to)})
	}
	return objects, nil
}

// meaningOf says what an address means for references of the object own.
func meaningOf(address uint64, objects []object, own int) meaning {
	at := slices.IndexFunc(objects, func(o object) bool { return o.from <= address && address < o.to })
	switch {
	case at < 0:
		return meaning{Object: nowhere}
	case at == own:
		return meaning{itself, int64(address - objects[at].base)}
	}
	return meaning{first + int64(at), int64(address - objects[at].base)}
}
