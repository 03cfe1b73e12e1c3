package cmd_test

import (
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	_ "image/png" // some photos of the tests
)

// A block is a block of commands in a document, which is marked as sh.
type block struct {
	file string
	line int
	text string
	// reason is why the tests do not run it: <!-- not run: needs a GPU --> before the block.
	reason string
}

var (
	fence    = regexp.MustCompile("^```(\\S*)")
	notRun   = regexp.MustCompile(`^<!-- not run: (.+) -->$`)
	commands = regexp.MustCompile(`^\s*(bin/)?(extract|finetune|extract-beam|make|scripts/\S+|curl|duckdb|python3?|go) `)
)

// blocks returns a document's blocks of commands. A command in a block of another kind, which
// nothing would run or explain, is an error.
func blocks(t *testing.T, file, text string) []block {
	t.Helper()
	var found []block
	var language, reason string
	var open bool
	for i, line := range strings.Split(text, "\n") {
		if m := fence.FindStringSubmatch(line); m != nil {
			if open = !open; !open {
				continue
			}
			language = m[1]
			if language == "" {
				t.Errorf("%s:%d: a block without a language", file, i+1)
			}
			if language == "sh" {
				found = append(found, block{file: file, line: i + 1, reason: reason})
			}
			reason = ""
			continue
		}
		switch m := notRun.FindStringSubmatch(line); {
		case m != nil:
			reason = m[1]
		case open && language == "sh":
			found[len(found)-1].text += line + "\n"
		case !open && reason != "" && line != "":
			t.Errorf("%s:%d: \"not run\" does not stand before a block of commands", file, i+1)
			reason = ""
		case open || strings.HasPrefix(line, "    "):
			if commands.MatchString(line) {
				t.Errorf("%s:%d: a command outside of a block marked as sh: %s", file, i+1, line)
			}
		}
	}
	return found
}

// The commands in the documents do what they are shown for: blocks marked as sh run, one after another
// in a folder for each document, which has photos/cat, photos/dog, new-photos, photo.jpg, and made from
// these features, other-features and cats-vs-dogs.head. A block that cannot run here says why.
func TestBlocks(t *testing.T) {
	if testing.Short() {
		t.Skip("runs networks")
	}
	flags := commandFlags(t)
	material := filepath.Join(t.TempDir(), "material")
	prepareMaterial(t, material)
	texts := documents(t)
	delete(texts, "../CHANGELOG.md")
	for file, text := range texts {
		found := blocks(t, file, text)
		for _, b := range found {
			checkFlags(t, b, flags)
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			if !slices.ContainsFunc(found, func(b block) bool { return b.reason == "" }) {
				return
			}
			dir := filepath.Join(t.TempDir(), "work")
			if err := os.CopyFS(dir, os.DirFS(material)); err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(found, func(b block) bool { return b.reason == "" && strings.Contains(b.text, "--out features ") }) {
				// The document makes it.
				if err := os.RemoveAll(filepath.Join(dir, "features")); err != nil {
					t.Fatal(err)
				}
			}
			for _, b := range found {
				if b.reason != "" {
					t.Logf("%s:%d is not run: %s", b.file, b.line, b.reason)
					continue
				}
				runBlock(t, b, dir)
			}
		})
	}
}

// checkFlags looks whether the commands of a block, whether it runs or not, have the flags that they are given.
func checkFlags(t *testing.T, b block, flags map[string]map[string]programFlag) {
	t.Helper()
	for line := range strings.Lines(strings.ReplaceAll(b.text, "\\\n", " ")) {
		line, _, _ = strings.Cut(line, " #")
		for _, command := range regexp.MustCompile(`&&|\|\||[|;]`).Split(line, -1) {
			words := strings.Fields(command)
			if len(words) == 0 {
				continue
			}
			words[0] = strings.TrimPrefix(words[0], "bin/")
			name := words[0]
			if flags[name] == nil {
				continue // another program
			}
			for _, word := range words[1:] {
				if flags[name+" "+word] != nil {
					name += " " + word
				}
			}
			for _, word := range words[1:] {
				flag, isFlag := strings.CutPrefix(word, "--")
				flag, _, _ = strings.Cut(flag, "=")
				_, own := flags[name][flag]
				if _, common := flags[""][flag]; isFlag && !own && !common {
					t.Errorf("%s:%d: %s has no flag --%s", b.file, b.line, name, flag)
				}
			}
		}
	}
}

// runBlock runs a block. A server in it runs in the background, and ends with the block.
func runBlock(t *testing.T, b block, dir string) {
	t.Helper()
	if strings.Contains(b.text, "localhost:8080") {
		listener, err := net.Listen("tcp", "localhost:8080")
		if err != nil {
			t.Logf("%s:%d is not run: %v", b.file, b.line, err)
			return
		}
		_ = listener.Close() // only to see that the port is free
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", b.text)
	command.Dir = dir
	command.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"),
		"FOVEA_CACHE="+filepath.Join(dir, "cache"))
	command.WaitDelay = time.Second
	begun := time.Now()
	out, err := command.CombinedOutput()
	endServers(t, dir)
	if err != nil {
		t.Errorf("%s:%d: %v\n%s\n%s", b.file, b.line, err, b.text, out)
	}
	t.Logf("%s:%d took %s", b.file, b.line, time.Since(begun).Round(time.Millisecond))
}

// serveInBackground is bin/finetune in the folder of the documents: serve would never end.
const serveInBackground = `#!/usr/bin/env bash
if [ "${1:-}" != serve ]; then exec %q "$@"; fi
%q "$@" >>serve.log 2>&1 &
echo $! >>servers
for _ in $(seq 600); do
	if (echo >/dev/tcp/localhost/8080) 2>/dev/null; then exit 0; fi
	sleep 0.1
done
cat serve.log >&2
exit 1
`

// endServers ends what serveInBackground has started.
func endServers(t *testing.T, dir string) {
	t.Helper()
	list := filepath.Join(dir, "servers")
	pids, err := os.ReadFile(list)
	if err != nil {
		return // none
	}
	for pid := range strings.FieldsSeq(string(pids)) {
		script := fmt.Sprintf("kill %s; while kill -0 %s 2>/dev/null; do sleep 0.05; done", pid, pid)
		if out, err := exec.Command("timeout", "20", "bash", "-c", script).CombinedOutput(); err != nil {
			t.Errorf("end the server: %v: %s", err, out)
		}
	}
	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
}

// prepareMaterial makes the folder that the commands of a document find.
func prepareMaterial(t *testing.T, dir string) {
	t.Helper()
	photos, err := filepath.Glob("../testdata/photos/[cd]*.[0-9].*g")
	if err != nil || len(photos) < 5 {
		t.Fatalf("there are only %d photos of the tests: %v", len(photos), err)
	}
	for i, photo := range photos {
		quarters(t, photo, filepath.Join(dir, "photos", filepath.Base(photo)[:3]), i)
	}
	script := `
		mkdir bin new-photos
		ln -s "$BINARIES/extract" bin/extract
		cp "$PHOTOS"/other.*.jpg new-photos/
		cp "$PHOTOS"/cat.2.jpg photo.jpg
		cp "$PHOTOS"/dog.1.jpg some-photo.jpg
		bin/extract --quiet --out features --labels dir --pool avg photos
		cp -r features other-features
		"$BINARIES/finetune" train --quiet --features features --out cats-vs-dogs.head >/dev/null`
	command := exec.Command("bash", "-euc", script)
	command.Dir = dir
	command.Env = append(os.Environ(), "BINARIES="+binaries, "PHOTOS="+absolute(t, "../testdata/photos"))
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("prepare the folder of the documents: %v\n%s", err, out)
	}
	// CopyFS takes no links: the commands are scripts.
	finetune := filepath.Join(binaries, "finetune")
	for name, text := range map[string]string{
		"finetune": fmt.Sprintf(serveInBackground, finetune, finetune),
		"extract":  fmt.Sprintf("#!/bin/sh\nexec %q \"$@\"\n", filepath.Join(binaries, "extract")),
	} {
		path := filepath.Join(dir, "bin", name)
		_ = os.Remove(path) // a link, or nothing
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// absolute is a path that also leads there from another directory.
func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// quarters cuts a photo in two halves each way, so that few photos make a set that can be learned from.
func quarters(t *testing.T, photo, dir string, number int) {
	t.Helper()
	f, err := os.Open(photo)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() // it was only read
	whole, _, err := image.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	b := whole.Bounds()
	for i := range 2 {
		part := image.Rect(b.Min.X, b.Min.Y, b.Max.X, b.Max.Y)
		part.Min.X += i * b.Dx() / 3
		part.Max.X -= (1 - i) * b.Dx() / 3
		cut, ok := whole.(interface {
			SubImage(r image.Rectangle) image.Image
		})
		if !ok {
			t.Fatalf("%s cannot be cut", photo)
		}
		out, err := os.Create(filepath.Join(dir, fmt.Sprintf("%d-%d.jpg", number, i)))
		if err != nil {
			t.Fatal(err)
		}
		if err := jpeg.Encode(out, cut.SubImage(part), nil); err != nil {
			t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
