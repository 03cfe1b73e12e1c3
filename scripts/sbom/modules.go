package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/licensecheck"
)

// choices are the licenses of modules whose text offers a choice in its own words.
var choices = map[string]string{
	"github.com/golang/freetype": "FTL OR GPL-2.0-or-later",
}

// module is a Go module in a program.
type module struct{ path, version, sum string }

// readPrograms describes the programs in a directory, and says which modules they were built from.
func readPrograms(bin string) ([]cdx.Component, []module, error) {
	entries, err := os.ReadDir(bin)
	if err != nil {
		return nil, nil, err
	}
	var programs []cdx.Component
	var modules []module
	for _, entry := range entries {
		if entry.IsDir() {
			continue
		}
		name := filepath.Join(bin, entry.Name())
		info, err := buildinfo.ReadFile(name)
		if err != nil {
			return nil, nil, err
		}
		c, err := describeFile(filepath.Dir(bin), name)
		if err != nil {
			return nil, nil, err
		}
		programs = append(programs, c)
		modules = append(modules, module{path: "std", version: strings.TrimPrefix(info.GoVersion, "go")})
		for _, dependency := range info.Deps {
			if dependency.Replace != nil {
				dependency = dependency.Replace
			}
			modules = append(modules, module{dependency.Path, dependency.Version, dependency.Sum})
		}
	}
	if len(programs) == 0 {
		return nil, nil, fmt.Errorf("there is none in %s", bin)
	}
	slices.SortFunc(modules, func(a, b module) int { return strings.Compare(a.path+"@"+a.version, b.path+"@"+b.version) })
	return programs, slices.Compact(modules), nil
}

// describeModules describes the modules, with their licenses, whose texts it copies to a directory if one is given.
func describeModules(modules []module, licenses string) ([]cdx.Component, error) {
	dirs, err := moduleDirectories()
	if err != nil {
		return nil, err
	}
	var all []cdx.Component
	var unknown error
	for _, m := range modules {
		if m.path == "fovea" { // the product itself, for the programs of the other module
			continue
		}
		url := "pkg:golang/" + m.path + "@" + m.version
		c := cdx.Component{BOMRef: url, Type: cdx.ComponentTypeLibrary, Name: m.path, Version: m.version, PackageURL: url}
		if m.path == "std" {
			c.Description = "Go's standard library and run time"
		}
		// The checksum is that of go.sum: of all files of the module with their names.
		if sum, ok := strings.CutPrefix(m.sum, "h1:"); ok {
			raw, err := base64.StdEncoding.DecodeString(sum)
			if err != nil {
				return nil, fmt.Errorf("checksum of %s: %w", m.path, err)
			}
			c.Hashes = sha256Hash(hex.EncodeToString(raw))
		}
		dir, ok := dirs[m.path+"@"+m.version]
		if m.path == "std" {
			dir, ok = dirs["std"], true
		}
		if !ok {
			return nil, fmt.Errorf("%s %s is in a program and not among the modules of this tree: build the programs from it", m.path, m.version)
		}
		c.Licenses, err = findLicenses(dir, licenses, m)
		unknown = errors.Join(unknown, err)
		all = append(all, c)
	}
	return all, unknown
}

// moduleDirectories says where the modules of this tree are, by PATH@VERSION.
func moduleDirectories() (map[string]string, error) {
	out, err := exec.Command("go", "list", "-m", "-json=Path,Version,Dir,Replace", "all").Output()
	if err != nil {
		return nil, fmt.Errorf("go list -m all: %w", err)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	dirs := map[string]string{"std": strings.TrimSpace(string(root))}
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
		var m struct {
			Path, Version, Dir string
			Replace            *struct{ Path, Version, Dir string }
		}
		if err := decoder.Decode(&m); err != nil {
			return nil, fmt.Errorf("go list -m all: %w", err)
		}
		if m.Replace != nil {
			m.Path, m.Version, m.Dir = m.Replace.Path, m.Replace.Version, m.Replace.Dir
		}
		dirs[m.Path+"@"+m.Version] = m.Dir
	}
	return dirs, nil
}

// findLicenses recognizes the texts of the licenses in a module's directory: in files of their own, or else
// in the file that introduces the module.
func findLicenses(dir, copies string, m module) (*cdx.Licenses, error) {
	for _, starts := range [][]string{{"LICENSE", "LICENCE", "COPYING", "NOTICE", "PATENTS"}, {"README"}} {
		ids, err := recognize(dir, starts, copies, m)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.path, err)
		}
		if choice, ok := choices[m.path]; ok {
			return &cdx.Licenses{{Expression: choice}}, nil
		}
		if len(ids) == 0 {
			continue
		}
		var found cdx.Licenses
		for _, id := range ids {
			found = append(found, cdx.LicenseChoice{License: &cdx.License{ID: id}})
		}
		return &found, nil
	}
	return nil, fmt.Errorf("%s: no license is recognized in %s", m.path, dir)
}

// recognize returns the names of the licenses in the files whose names start in one of these ways.
func recognize(dir string, starts []string, copies string, m module) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, entry := range entries {
		name := strings.ToUpper(entry.Name())
		if entry.IsDir() || !slices.ContainsFunc(starts, func(start string) bool { return strings.HasPrefix(name, start) }) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		if copies != "" {
			if err := keep(filepath.Join(copies, m.path+"@"+m.version, entry.Name()), text); err != nil {
				return nil, err
			}
		}
		if strings.HasPrefix(name, "NOTICE") || strings.HasPrefix(name, "PATENTS") {
			continue // belongs to a license, and is none
		}
		for _, match := range licensecheck.Scan(text).Match {
			if !match.IsURL { // a reference to a license
				ids = append(ids, match.ID)
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

func keep(name string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o644)
}
