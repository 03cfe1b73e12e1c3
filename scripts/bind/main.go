//go:build linux

// Command bind writes into shared libraries where their own symbols are, so that the dynamic linker need not search for
// them each time that a program loads the libraries. It is what the linker's option -Bsymbolic does when a library is
// made, for libraries that were made without it.
//
//	go run ./scripts/bind LIBRARY [NEEDED ...]
//
// LIBRARY is the file that programs load, NEEDED are names of libraries beside it that it needs and that are bound,
// too. References are bound only to what the dynamic linker of this machine finds for them, and the libraries are
// replaced only when every reference of them, loaded from the new files, means what it meant before. On any error they
// stay as they are. To bind libraries again changes nothing. It is for x86-64 and glibc.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

func main() {
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bind:", err)
		os.Exit(1)
	}
}

func command(arguments []string) error {
	switch {
	case len(arguments) > 4 && arguments[0] == observing:
		return observe(arguments[1], arguments[2], arguments[3], arguments[4:])
	case len(arguments) > 0:
		bound, err := bind(filepath.Dir(arguments[0]), append([]string{filepath.Base(arguments[0])}, arguments[1:]...))
		if err == nil && bound > 0 {
			fmt.Printf("%d references of %s are bound\n", bound, arguments[0])
		}
		return err
	}
	return errors.New("usage: bind LIBRARY [NEEDED ...]")
}

// bind binds the libraries of those names in a directory, of which programs load the first, and returns the number of
// references that were not bound before.
func bind(dir string, names []string) (bound int, err error) {
	before, err := observed(dir, dir, names)
	if err != nil {
		return 0, err
	}
	work, err := os.MkdirTemp(dir, ".bind-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	for i, name := range names {
		count, err := rewrite(filepath.Join(dir, name), filepath.Join(work, name), before[i])
		if err != nil {
			return 0, err
		}
		bound += count
	}
	if bound == 0 {
		return 0, nil
	}
	after, err := observed(dir, work, names)
	if err != nil {
		return 0, err
	}
	for i, name := range names {
		if !slices.Equal(before[i], after[i]) {
			return 0, fmt.Errorf("%s: not all references mean what they did", name)
		}
	}
	for _, name := range names {
		if err := os.Rename(filepath.Join(work, name), filepath.Join(dir, name)); err != nil {
			return 0, err
		}
	}
	return bound, nil
}
