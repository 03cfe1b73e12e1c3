//go:build linux

package main

import (
	"cmp"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// reference is a place in a library where the dynamic linker writes what it finds for it: an elf.Rela64.
type reference elf.Rela64

const referenceSize = 24

func (r reference) kind() elf.R_X86_64 { return elf.R_X86_64(elf.R_TYPE64(r.Info)) }

// library has what the dynamic linker reads of a library's file.
type library struct {
	file    *os.File
	elf     *elf.File
	symbols []elf.Symbol // without the first, which stands for none
	// dynamic are the places in the file of the values in the table of that name.
	dynamic map[elf.DynTag]int64
	// at is the place of the references in the file, and address that in memory. The last, calls, are those of the
	// procedure linkage table, which may be bound only if no call is bound when it is made first.
	at, address int64
	references  []reference
	calls       int
}

// open reads the tables of a library.
func open(name string) (_ *library, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	l := &library{file: file, dynamic: map[elf.DynTag]int64{}}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%s: %w", name, err), file.Close())
		}
	}()
	if l.elf, err = elf.NewFile(file); err != nil {
		return nil, err
	}
	if l.elf.Machine != elf.EM_X86_64 || l.elf.Class != elf.ELFCLASS64 || l.elf.Type != elf.ET_DYN {
		return nil, errors.New("no shared library for x86-64")
	}
	if l.symbols, err = l.elf.DynamicSymbols(); err != nil {
		return nil, err
	}
	return l, l.readReferences()
}

// readReferences finds the tables by way of the dynamic section, as the dynamic linker does.
func (l *library) readReferences() error {
	section := l.elf.SectionByType(elf.SHT_DYNAMIC)
	if section == nil {
		return errors.New("no dynamic section")
	}
	entries := make([]elf.Dyn64, section.Size/16)
	if err := binary.Read(section.Open(), binary.LittleEndian, entries); err != nil {
		return fmt.Errorf("read the dynamic section: %w", err)
	}
	value := map[elf.DynTag]int64{}
	for i, e := range entries {
		if tag := elf.DynTag(e.Tag); tag != elf.DT_NULL {
			l.dynamic[tag], value[tag] = int64(section.Offset)+int64(i)*16+8, int64(e.Val)
		}
	}
	all, calls := value[elf.DT_RELASZ], value[elf.DT_PLTRELSZ]
	switch {
	case value[elf.DT_RELA] == 0 || value[elf.DT_RELACOUNT] == 0:
		return errors.New("no references that can be bound")
	case calls > 0 && value[elf.DT_JMPREL] != value[elf.DT_RELA]+all:
		return errors.New("the references of calls do not follow the others")
	case calls > 0 && elf.DynFlag(value[elf.DT_FLAGS])&elf.DF_BIND_NOW == 0:
		return errors.New("calls are bound when they are made first")
	}
	l.address, l.calls = value[elf.DT_RELA], int(calls/referenceSize)
	for _, p := range l.elf.Progs {
		if p.Type == elf.PT_LOAD && int64(p.Vaddr) <= l.address && l.address+all+calls <= int64(p.Vaddr+p.Filesz) {
			l.at = int64(p.Off) + l.address - int64(p.Vaddr)
			l.references = make([]reference, (all+calls)/referenceSize)
			return binary.Read(io.NewSectionReader(l.file, l.at, all+calls), binary.LittleEndian, l.references)
		}
	}
	return errors.New("the references are not in the file")
}

// own says where in the library a reference leads if it is to a symbol of the library's own that is always at the same
// place there.
func (l *library) own(r reference) (address int64, ok bool) {
	switch r.kind() {
	case elf.R_X86_64_64:
		address = r.Addend
	case elf.R_X86_64_GLOB_DAT, elf.R_X86_64_JMP_SLOT: // their addends are ignored
	default:
		return 0, false
	}
	number := elf.R_SYM64(r.Info)
	if number == 0 || int(number) > len(l.symbols) {
		return 0, false
	}
	s := l.symbols[number-1]
	switch elf.ST_TYPE(s.Info) {
	case elf.STT_NOTYPE, elf.STT_OBJECT, elf.STT_FUNC:
	default: // those of threads, and functions that are chosen by the processor
		return 0, false
	}
	const unique = elf.STB_LOOS // GNU's: one for all libraries of a process
	defined := s.Section != elf.SHN_UNDEF && s.Section < elf.SHN_LORESERVE
	return address + int64(s.Value), defined && elf.ST_BIND(s.Info) != unique
}

// rewrite copies a library, with the references bound that lead to itself, of whose meanings it has the list, and
// returns their number.
func rewrite(from, to string, meanings []meaning) (bound int, err error) {
	l, err := open(from)
	if err != nil {
		return 0, err
	}
	defer l.file.Close()
	calls := l.references[len(l.references)-l.calls:]
	var relative, others, called []reference
	for i, r := range l.references {
		address, own := l.own(r)
		switch {
		case own && meanings[i] == meaning{Object: itself, Offset: address}:
			r.Info, r.Addend = elf.R_INFO(0, uint32(elf.R_X86_64_RELATIVE)), address
			bound++
			relative = append(relative, r)
		case r.kind() == elf.R_X86_64_RELATIVE:
			relative = append(relative, r)
		case i < len(l.references)-len(calls):
			others = append(others, r)
		default:
			called = append(called, r)
		}
	}
	slices.SortStableFunc(relative, func(a, b reference) int { return cmp.Compare(a.Off, b.Off) })
	size := int64(len(relative)+len(others)) * referenceSize
	changed := map[elf.DynTag]int64{
		elf.DT_RELACOUNT: int64(len(relative)), elf.DT_RELASZ: size,
		elf.DT_JMPREL: l.address + size, elf.DT_PLTRELSZ: int64(len(called)) * referenceSize,
	}
	return bound, l.copyTo(to, slices.Concat(relative, others, called), changed)
}

// copyTo copies the library with other references and values in the dynamic section.
func (l *library) copyTo(name string, references []reference, dynamic map[elf.DynTag]int64) (err error) {
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, info.Mode())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, io.NewSectionReader(l.file, 0, info.Size())); err != nil {
		return err
	}
	if err := binary.Write(io.NewOffsetWriter(out, l.at), binary.LittleEndian, references); err != nil {
		return err
	}
	for tag, value := range dynamic {
		if at := l.dynamic[tag]; at > 0 {
			if err := binary.Write(io.NewOffsetWriter(out, at), binary.LittleEndian, value); err != nil {
				return err
			}
		}
	}
	if err := l.writeSections(out, dynamic[elf.DT_RELASZ]); err != nil {
		return err
	}
	return out.Sync()
}

// writeSections tells the sections of references, which linkers and other tools read, what the dynamic section says now:
// that so many bytes are not those of calls.
func (l *library) writeSections(out *os.File, size int64) error {
	var header elf.Header64
	if err := binary.Read(io.NewSectionReader(l.file, 0, int64(binary.Size(header))), binary.LittleEndian, &header); err != nil {
		return fmt.Errorf("read the header: %w", err)
	}
	all := int64(len(l.references)) * referenceSize
	for i, s := range l.elf.Sections {
		at, length := int64(0), size
		switch {
		case s.Type != elf.SHT_RELA:
			continue
		case int64(s.Addr) == l.address:
		case l.calls > 0 && int64(s.Addr) == l.address+all-int64(l.calls)*referenceSize:
			at, length = size, all-size
		default:
			continue
		}
		place := []int64{l.address + at, l.at + at, length} // address, offset, size
		if err := binary.Write(io.NewOffsetWriter(out, int64(header.Shoff)+int64(i)*int64(header.Shentsize)+16), binary.LittleEndian, place); err != nil {
			return err
		}
	}
	return nil
}
