// Package cmd_test runs the commands as users do: built, in a process of their own, on
// real files. The scripts are in testdata/script.
package cmd_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"fovea/featurestore"
	"fovea/internal/s3test"
)

// binaries is the directory of the built commands.
var binaries string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if binaries = os.Getenv(mountVariable); binaries != "" { // built already
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "fovea-cmd-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) // a temporary directory
	build := exec.Command("go", "build", "-ldflags=-w", "-o", dir, "fovea/cmd/extract", "fovea/cmd/finetune")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build the commands:", err)
		return 1
	}
	binaries = dir
	return m.Run()
}

func TestScripts(t *testing.T) {
	server := s3test.New() // one for all scripts, which are of different folders
	t.Cleanup(server.Close)
	wanted := &faults{by: map[string]s3test.Fault{}}
	server.Break(wanted.answer)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			model, err := filepath.Abs(smallModel)
			if err != nil {
				return err
			}
			env.Setenv("SMALL", "--model="+model)
			env.Setenv("MODEL", model)
			env.Setenv("KERAS", filepath.Join(filepath.Dir(model), "keras-export"))
			for name, dir := range map[string]string{"TABLES": "../testdata/tables", "PICTURES": "../testdata/picture", "INPUTS": "../testdata/savedmodel/inputs"} {
				dir, err := filepath.Abs(dir)
				if err != nil {
					return err
				}
				env.Setenv(name, dir)
			}
			for name, value := range s3test.Environment() {
				env.Setenv(name, value)
			}
			env.Setenv("S3", "?"+server.Parameters())
			env.Values["s3"], env.Values["faults"] = server, wanted
			env.Setenv("PATH", binaries+string(os.PathListSeparator)+env.Getenv("PATH"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":    status,
			"interrupt": interrupt,
			"picture":   picture,
			"rows":      rows,
			"beside":    beside,
			"dataset":   dataset,
			"damage":    damage,
			"objects":   objectNames,
			"break":     breakServer,
			"object":    object,
		},
	})
}

// status N COMMAND...: the command must end with exit status N.
func status(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s ended with status %d, want %d", args[1], got, want)
	}
}

// interrupt N COMMAND...: the command is interrupted a moment after its first rows, or the
// beginning of its training, and must end with exit status N within three seconds, or longer where the machine has other work.
func interrupt(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 2 {
		ts.Fatalf("usage: interrupt N COMMAND [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	command := exec.Command(filepath.Join(binaries, args[1]), args[2:]...)
	command.Dir = ts.MkAbs(".")
	stderr, err := command.StderrPipe()
	ts.Check(err)
	ts.Check(command.Start())
	var output strings.Builder
	var asked time.Time
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		fmt.Fprintln(&output, lines.Text())
		if asked.IsZero() && (strings.Contains(lines.Text(), "extracting features") || strings.Contains(lines.Text(), "training vgg")) {
			if args[1] == "extract" {
				awaitRows(command.Dir)
			} else {
				time.Sleep(1500 * time.Millisecond)
			}
			asked = time.Now()
			ts.Check(command.Process.Signal(os.Interrupt))
		}
	}
	_ = command.Wait() // the status is looked at below
	fmt.Fprint(ts.Stderr(), output.String())
	if got := command.ProcessState.ExitCode(); got != want {
		ts.Fatalf("%s ended with status %d, want %d", args[1], got, want)
	}
	if took := time.Since(asked); tooLong(ts, took, 3*time.Second) {
		ts.Fatalf("%s took %s to end", args[1], took)
	}
}

// awaitRows waits until a dataset below dir gets its first rows: fast machines need milliseconds for
// all of them, and those with other work some seconds.
func awaitRows(dir string) {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if begun, _ := filepath.Glob(filepath.Join(dir, "*", ".fovea", "tmp", "part-*")); len(begun) > 0 {
			return
		}
	}
}

// picture KIND FILE...: makes pictures that can be told apart by their colour. KIND is red
// or blue; each file has its own noise. The extension decides about the format.
func picture(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 2 {
		ts.Fatalf("usage: image red|blue|black|faint FILE...")
	}
	for i, name := range args[1:] {
		random := rand.New(rand.NewPCG(uint64(i), uint64(len(args[0]))))
		img := image.NewNRGBA(image.Rect(0, 0, 48+i, 40))
		for p := 0; p < len(img.Pix); p += 4 {
			c := color.NRGBA{R: 180, G: uint8(random.IntN(100)), B: uint8(random.IntN(70)), A: 255}
			switch args[0] {
			case "blue":
				c.R, c.B = c.B, c.R
			case "black":
				c = color.NRGBA{A: 255}
			}
			copy(img.Pix[p:], []uint8{c.R, c.G, c.B, c.A})
		}
		file := ts.MkAbs(name)
		ts.Check(os.MkdirAll(filepath.Dir(file), 0o755))
		f, err := os.Create(file)
		ts.Check(err)
		if args[0] == "faint" { // 12 bits in 16
			deep := image.NewGray16(img.Rect)
			for p := range deep.Pix {
				if deep.Pix[p] = img.Pix[2*p+1]; p%2 == 0 {
					deep.Pix[p] &= 15
				}
			}
			ts.Check(encode(f, deep, ".png"))
		} else {
			ts.Check(encode(f, img, filepath.Ext(name)))
		}
		ts.Check(f.Close())
	}
}

func encode(w io.Writer, img image.Image, extension string) error {
	if extension == ".png" {
		return png.Encode(w, img)
	}
	return jpeg.Encode(w, img, &jpeg.Options{Quality: 90})
}

// rows DIR LAYER: prints path, label, split and number of values of each row, and each
// failure, and verifies the dataset.
func rows(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 2 {
		ts.Fatalf("usage: rows DIR LAYER")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(featurestore.Verify(dir))
	dataset, err := featurestore.Open(dir)
	ts.Check(err)
	table, err := dataset.Matrix(context.Background(), args[1])
	ts.Check(err)
	for i, path := range table.Paths {
		fmt.Fprintf(ts.Stdout(), "row %s label=%s split=%s values=%d\n", path, table.Labels[i], table.Splits[i], table.Cols)
	}
	failures, err := dataset.Failures()
	ts.Check(err)
	for _, f := range failures {
		fmt.Fprintf(ts.Stdout(), "failure %s stage=%s\n", f.Path, f.Stage)
	}
}
