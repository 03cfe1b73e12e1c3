package scripts_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fetches are the ways in which something comes onto the machine, and what makes each one safe.
var fetches = []struct {
	what, why string
	found     *regexp.Regexp
	pinned    *regexp.Regexp // nil: never
}{
	{"pip install or download", "give --require-hashes", regexp.MustCompile(`\bpip["']? (install|download)\b`), regexp.MustCompile(`--require-hashes`)},
	{"npm", "npm ci with package-lock.json", regexp.MustCompile(`\bnpm (install|i|add)\b|\bnpx\b`), regexp.MustCompile(`--package-lock-only`)},
	{"a Go tool", "name it in go.mod as a tool", regexp.MustCompile(`\bgo (install|run|get) \S*@|@latest\b`), nil},
	{"a download", "compare its SHA-256", regexp.MustCompile(`\b(curl|wget)\b.*(https?://|\$)`), regexp.MustCompile(`--output /dev/null`)},
	{"an image", "name it by its digest", regexp.MustCompile(`^FROM |docker (pull|run) [a-z]`), regexp.MustCompile(`@sha256:[0-9a-f]{64}`)},
	{"a branch of a repository", "fetch a commit", regexp.MustCompile(`\bgit clone\b`), nil},
}

// checked are lines that are safe in another way.
var checked = map[string]string{
	`"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version "$(interpreter "$package")" \`: "codecs.sh compares the wheel's SHA-256 before it unpacks it, and never runs it",
	`"$python" -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.11 \`:                                                    "deps.sh compares the wheel's SHA-256 before it unpacks it, and never runs it",
}

// unpinned returns the lines of a script that fetch something that could be another thing tomorrow.
func unpinned(text string) []string {
	var found []string
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", "\\\x00")) { // with the lines that continue it
		whole := strings.TrimSpace(strings.ReplaceAll(line, "\\\x00", "\\\n"))
		first, _, _ := strings.Cut(whole, "\n")
		command, _, _ := strings.Cut(whole, " # ")
		if strings.HasPrefix(whole, "#") || strings.HasPrefix(whole, "echo ") || checked[first] != "" {
			continue
		}
		for _, f := range fetches {
			if f.found.MatchString(command) && (f.pinned == nil || !f.pinned.MatchString(command)) {
				found = append(found, f.what+": "+first+": "+f.why)
			}
		}
	}
	return found
}

// Nothing that the scripts fetch can become another thing unnoticed.
func TestFetchesArePinned(t *testing.T) {
	out, err := exec.Command("git", "-C", "..", "ls-files", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Skip("the files are not in a repository: ", err)
	}
	var scripts int
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		base := filepath.Base(name)
		// findings tell how to see a fault of other people's versions, and are not run.
		if strings.HasPrefix(name, "findings/") || !strings.HasSuffix(name, ".sh") && base != "Makefile" && base != "Dockerfile" && !strings.HasPrefix(name, ".ci/") {
			continue
		}
		scripts++
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range unpinned(string(text)) {
			t.Errorf("%s: %s", name, line)
		}
	}
	if scripts < 15 {
		t.Errorf("only %d scripts were found", scripts)
	}
}

func TestUnpinnedIsFound(t *testing.T) {
	for _, line := range []string{
		`"$venv/bin/pip" install --quiet -r list.txt`, "pip install \\\n\tnumpy==2.4.6", "python3 -m pip download pillow==13.0.0",
		"(cd dir && npm install)", "npx tool", "go install example.com/tool@latest", "go run example.com/tool@v1.2.3",
		"curl -sSL https://example.com/x.tar.gz | tar xz", `wget "$url"`, "FROM debian:bookworm-slim", "docker run debian true",
		"git clone https://example.com/x.git",
	} {
		if len(unpinned(line)) == 0 {
			t.Errorf("%q passes as pinned", line)
		}
	}
	for _, line := range []string{
		"pip install \\\n\t--require-hashes -r list.lock", "# pip install numpy", "npm ci --ignore-scripts", "go run ./scripts/sbom",
		"FROM debian@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171",
	} {
		if found := unpinned(line); len(found) > 0 {
			t.Errorf("%q: %q", line, found)
		}
	}
}

var pin = regexp.MustCompile(`^([A-Za-z0-9_.-]+)(?:\[[a-z-]+\])?==(\S+)`)

// pins are the versions of a list, by the names that the registry knows alike.
func pins(t *testing.T, name string) map[string]string {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatalf("%v: make it by scripts/python.sh lock", err)
	}
	defer file.Close()
	found := map[string]string{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		match := pin.FindStringSubmatch(line)
		switch {
		case match != nil:
			found[strings.NewReplacer("_", "-", ".", "-").Replace(strings.ToLower(match[1]))] = match[2]
		case line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "--hash=sha256:"):
			t.Errorf("%s: %q is not NAME==VERSION", name, line)
		}
	}
	return found
}

// Every list of Python packages has a list with hashes beside it, of the same versions.
func TestListsHaveHashes(t *testing.T) {
	var lists []string
	for _, pattern := range []string{"../testdata/python/requirements*.txt", "peers/requirements-*.txt"} {
		some, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		lists = append(lists, some...)
	}
	if len(lists) < 11 {
		t.Errorf("there are only %d lists", len(lists))
	}
	for _, list := range lists {
		lock := strings.TrimSuffix(list, ".txt") + ".lock"
		locked := pins(t, lock)
		for name, version := range pins(t, list) {
			if locked[name] != version {
				t.Errorf("%s has %s %s, and %s has %q: scripts/python.sh lock", list, name, version, lock, locked[name])
			}
		}
		text, err := os.ReadFile(lock)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "://") {
			t.Errorf("%s names an address", lock)
		}
		all := regexp.MustCompile(`(?m)^\S+==`).FindAllString(string(text), -1)
		hashed := regexp.MustCompile(`(?m)^\S+==.*\\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+`).FindAllString(string(text), -1)
		if len(hashed) != len(all) {
			t.Errorf("%s: %d of %d packages have hashes", lock, len(hashed), len(all))
		}
	}
}

// The list for npm has a checksum of every package.
func TestNodeListHasChecksums(t *testing.T) {
	text, err := os.ReadFile("../testdata/node/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct {
			Version, Integrity, Resolved string
			Dependencies                 map[string]string
		}
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		t.Fatal(err)
	}
	var list struct{ Dependencies map[string]string }
	if text, err = os.ReadFile("../testdata/node/package.json"); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	for name, version := range list.Dependencies {
		if got := lock.Packages["node_modules/"+name]; got.Version != version {
			t.Errorf("%s is %s in the list and %q in the lock: scripts/node.sh lock", name, version, got.Version)
		}
	}
	for name, p := range lock.Packages {
		if name != "" && (!strings.HasPrefix(p.Integrity, "sha512-") || p.Resolved != "") {
			t.Errorf("%s: integrity %q, address %q", name, p.Integrity, p.Resolved)
		}
	}
}

// Tools are those of go.mod.
func TestToolsArePinned(t *testing.T) {
	out, err := exec.Command("go", "list", "-C", "..", "-f", "{{.ImportPath}}", "tool").Output()
	if err != nil {
		t.Fatal(err)
	}
	tools := strings.Fields(string(out))
	for _, want := range []string{"golang.org/x/vuln/cmd/govulncheck", "honnef.co/go/tools/cmd/staticcheck"} {
		if !slices.Contains(tools, want) {
			t.Errorf("%s is not a tool of go.mod", want)
		}
	}
}
