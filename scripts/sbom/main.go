// Command sbom writes the bill of materials of a package: a CycloneDX document in JSON that names
// the programs, the Go modules that are in them, the shared libraries beside them, and the weights.
// The same package gives the same bytes: there is no serial number, and the time is the commit's.
//
//	{ scripts/deps.sh wheels; scripts/codecs.sh wheels; } | go run ./scripts/sbom --version V --epoch SECONDS --stage DIR --licenses DIR > FILE
//
// DIR is a package, with bin and lib. On standard input are the wheels that the libraries come from, a
// line PACKAGE VERSION SHA-256 ... each. The texts of the modules' licenses are copied to --licenses.
package main

import (
	"bufio"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

type options struct {
	version, stage, licenses string
	epoch                    int64
}

func main() {
	var o options
	flag.StringVar(&o.version, "version", "", "version of the package")
	flag.StringVar(&o.stage, "stage", "", "directory of the package, with bin and lib")
	flag.StringVar(&o.licenses, "licenses", "", "directory for the texts of the modules' licenses, none by default")
	flag.Int64Var(&o.epoch, "epoch", 0, "time of the document, in seconds since 1970")
	flag.Parse()
	if o.stage == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := write(os.Stdout, os.Stdin, o); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func write(w io.Writer, wheels io.Reader, o options) error {
	components, err := findComponents(wheels, o)
	if err != nil {
		return err
	}
	document := cdx.NewBOM()
	document.SpecVersion, document.JSONSchema = cdx.SpecVersion1_6, "http://cyclonedx.org/schema/bom-1.6.schema.json"
	root := product(o.version)
	document.Metadata = &cdx.Metadata{
		Timestamp:  time.Unix(o.epoch, 0).UTC().Format(time.RFC3339),
		Lifecycles: &[]cdx.Lifecycle{{Phase: cdx.LifecyclePhaseBuild}},
		Component:  &root,
	}
	document.Components = &components
	refs := make([]string, len(components))
	for i, c := range components {
		refs[i] = c.BOMRef
	}
	document.Dependencies = &[]cdx.Dependency{{Ref: root.BOMRef, Dependencies: &refs}}
	// What is inside the library is the business of its makers, who publish no list of it.
	document.Compositions = &[]cdx.Composition{{Aggregate: cdx.CompositionAggregateIncomplete, Dependencies: &[]cdx.BOMReference{cdx.BOMReference(root.BOMRef)}}}
	return cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(document, cdx.SpecVersion1_6)
}

// findComponents describes all that is in the package, sorted by reference.
func findComponents(wheels io.Reader, o options) ([]cdx.Component, error) {
	programs, modules, err := readPrograms(filepath.Join(o.stage, "bin"))
	if err != nil {
		return nil, fmt.Errorf("read the programs: %w", err)
	}
	licensed, err := describeModules(modules, o.licenses)
	if err != nil {
		return nil, fmt.Errorf("find the modules' licenses: %w", err)
	}
	packages, err := readWheels(wheels)
	if err != nil {
		return nil, fmt.Errorf("read the wheels from standard input: %w", err)
	}
	libraries, err := findLibraries(o.stage)
	if err != nil {
		return nil, fmt.Errorf("find the libraries: %w", err)
	}
	embedded, err := describeEmbedded(o.stage, programs, modules)
	if err != nil {
		return nil, fmt.Errorf("describe what is in the programs: %w", err)
	}
	components := slices.Concat(programs, licensed, packages, libraries, embedded)
	slices.SortFunc(components, func(a, b cdx.Component) int { return cmp.Compare(a.BOMRef, b.BOMRef) })
	return components, nil
}

// product is what the document is about.
func product(version string) cdx.Component {
	return cdx.Component{
		BOMRef: "fovea", Type: cdx.ComponentTypeApplication, Name: "fovea", Version: version,
		Description: "extract and finetune with TensorFlow's library", Licenses: license("Apache-2.0"),
	}
}

// readWheels describes the packages of the Python registry whose shared libraries ship.
func readWheels(r io.Reader) ([]cdx.Component, error) {
	var all []cdx.Component
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 {
			return nil, fmt.Errorf("the line %q is not PACKAGE VERSION SHA-256", lines.Text())
		}
		c := cdx.Component{
			Type: cdx.ComponentTypeLibrary, Name: fields[0], Version: fields[1],
			PackageURL:  "pkg:pypi/" + fields[0] + "@" + fields[1],
			Description: "its shared libraries are in lib; the checksum is the wheel's",
			Hashes:      sha256Hash(fields[2]),
		}
		c.BOMRef = c.PackageURL
		switch {
		case strings.HasPrefix(c.Name, "tensorflow"):
			c.Licenses = license("Apache-2.0")
		case c.Name == "imagecodecs": // of which libjxl ships, with brotli and Little CMS under MIT
			c.Licenses = license("BSD-3-Clause")
		case c.Name == "pillow": // of which libavif and OpenJPEG ship
			c.Licenses = license("BSD-2-Clause")
		case c.Name == "pi-heif": // of which libheif and libde265 ship
			c.Licenses = license("LGPL-3.0-or-later")
		default:
			c.Licenses = &cdx.Licenses{{License: &cdx.License{Name: "NVIDIA's terms for CUDA libraries"}}}
		}
		all = append(all, c)
	}
	return all, lines.Err()
}

// findLibraries describes the files of the shared libraries.
func findLibraries(stage string) ([]cdx.Component, error) {
	var all []cdx.Component
	for _, dir := range []string{"lib", "nvidia"} {
		err := filepath.WalkDir(filepath.Join(stage, dir), func(name string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			c, err := describeFile(stage, name)
			all = append(all, c)
			return err
		})
		if err != nil && (dir == "lib" || !errors.Is(err, os.ErrNotExist)) {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is none in %s", filepath.Join(stage, "lib"))
	}
	return all, nil
}
