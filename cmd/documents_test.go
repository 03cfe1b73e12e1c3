package cmd_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// foreignFlags are flags in the documents that belong to other programs, or that cobra adds when a
// program runs.
var foreignFlags = map[string]string{
	"version": "cobra", "array": "sbatch", "data-binary": "curl", "dereference": "tar", "hard-dereference": "tar",
	"rest_api_port": "tensorflow_model_server", "model_name": "tensorflow_model_server", "model_base_path": "tensorflow_model_server",
	"tf_xla_cpu_global_jit": "TensorFlow", "check": "sha256sum", "symlinks": "zip",
	"reuid": "setpriv", "regid": "setpriv", "clear-groups": "setpriv", "no-new-privs": "setpriv", "bounding-set": "setpriv",
	"rm": "docker", "network": "docker", "read-only": "docker", "cap-drop": "docker", "security-opt": "docker", "user": "docker",
	// A module of its own, which these tests do not build.
	"runner": "extract-beam", "endpoint": "extract-beam", "parallelism": "extract-beam", "environment_type": "extract-beam",
	"environment_config": "extract-beam", "task-rows": "extract-beam", "stall-timeout": "extract-beam", "attempts": "extract-beam",
}

// programFlag is a flag as a command's help shows it.
type programFlag struct {
	// value is the default that pflag prints, without quotes or brackets; "" is a zero value.
	value string
	// words is what the help says about a default that is worked out when the program runs.
	words    string
	required bool
}

// commandFlags returns the flags of all commands, such as "extract dataset merge", by their help.
// Flags that every command has are under "".
func commandFlags(t *testing.T) map[string]map[string]programFlag {
	t.Helper()
	commands, err := readHelp()
	if err != nil {
		t.Fatal(err)
	}
	return commands
}

// readHelp asks the commands once for all tests.
var readHelp = sync.OnceValues(func() (map[string]map[string]programFlag, error) {
	commands := map[string]map[string]programFlag{"": {}}
	dir, err := os.MkdirTemp("", "fovea-man-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) // a temporary directory
	for _, program := range []string{"extract", "finetune"} {
		if out, err := exec.Command(filepath.Join(binaries, program), "man", dir).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s man: %w: %s", program, err, out)
		}
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil {
		return nil, err
	}
	for _, page := range pages {
		words := strings.Split(strings.TrimSuffix(filepath.Base(page), ".1"), "-")
		if slices.Contains(words, "completion") {
			continue
		}
		help, err := exec.Command(filepath.Join(binaries, words[0]), append(words[1:], "--help")...).Output()
		if err != nil {
			return nil, fmt.Errorf("%s --help: %w", strings.Join(words, " "), err)
		}
		commands[strings.Join(words, " ")] = helpFlags(string(help), commands[""])
	}
	return commands, nil
})

var (
	helpFlag     = regexp.MustCompile(`^ +(?:-\w, )?--([a-z0-9_-]+)(?: [^ ]+)?(?:  +(.*))?$`)
	helpDefault  = regexp.MustCompile(`\(default (?:"([^"]*)"|([^()]*))\)$`)
	helpWords    = regexp.MustCompile(`default: ([^;)]+)`)
	helpRequired = regexp.MustCompile(`\brequired\)`)
)

// everywhere are the flags that all commands have, wherever their help lists them.
var everywhere = []string{"log-format", "quiet", "verbose", "max-memory", "help", "version"}

// helpFlags reads the flags out of a command's help; those of all commands go to common.
func helpFlags(help string, common map[string]programFlag) map[string]programFlag {
	flags := map[string]programFlag{}
	for line := range strings.Lines(help) {
		m := helpFlag.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil {
			continue
		}
		flag := programFlag{required: helpRequired.MatchString(m[2])}
		if d := helpDefault.FindStringSubmatch(m[2]); d != nil {
			flag.value = strings.Trim(d[1]+d[2], "[]")
		}
		if d := helpWords.FindStringSubmatch(m[2]); d != nil {
			flag.words = d[1]
		}
		if slices.Contains(everywhere, m[1]) {
			common[m[1]] = flag
		} else {
			flags[m[1]] = flag
		}
	}
	return flags
}

// documents are the files that users and contributors read.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"../*.md", "../docs/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			texts[file] = string(text)
		}
	}
	return texts
}

// A flagTable is a table in a document with the flags of the commands that an HTML comment before it
// names: <!-- flags: finetune train, finetune evaluate -->, or <!-- flags of every command -->.
type flagTable struct {
	file     string
	commands []string
	// defaults by the flag's name, as the table has them, without markup.
	defaults map[string]string
}

var (
	tableComment = regexp.MustCompile(`(?m)^<!-- flags(?:: (.*)| of every command) -->\n+((?:\|.*\n)+)`)
	tableFlag    = regexp.MustCompile("`(?:-\\w`, `)?--([a-z0-9_-]+)")
)

func flagTables(t *testing.T, texts map[string]string) []flagTable {
	t.Helper()
	var tables []flagTable
	for file, text := range texts {
		for _, m := range tableComment.FindAllStringSubmatch(text, -1) {
			table := flagTable{file: file, commands: strings.Split(m[1], ", "), defaults: map[string]string{}}
			rows := strings.Split(strings.TrimSpace(m[2]), "\n")
			column := slices.Index(cells(rows[0]), "default")
			if column < 0 {
				t.Errorf("%s: the table of flags has no column \"default\": %s", file, rows[0])
				continue
			}
			for _, row := range rows[2:] {
				for _, flag := range tableFlag.FindAllStringSubmatch(cells(row)[0], -1) {
					table.defaults[flag[1]] = strings.ReplaceAll(cells(row)[column], "`", "")
				}
			}
			tables = append(tables, table)
		}
	}
	return tables
}

// cells are the columns of a table's row.
func cells(row string) []string {
	columns := strings.Split(strings.Trim(row, "|"), "|")
	for i := range columns {
		columns[i] = strings.TrimSpace(columns[i])
	}
	return columns
}

// Every flag of every command is in a table of flags with its default, and every flag in such a
// table exists.
func TestTablesHaveTheFlagsAndTheirDefaults(t *testing.T) {
	commands := commandFlags(t)
	tabled := map[string]map[string]bool{}
	for _, table := range flagTables(t, documents(t)) {
		found := map[string]bool{}
		for _, command := range table.commands {
			flags, known := commands[command]
			if !known {
				t.Errorf("%s has a table of the flags of %q, which is not a command", table.file, command)
				continue
			}
			if tabled[command] == nil {
				tabled[command] = map[string]bool{}
			}
			for name, documented := range table.defaults {
				flag, known := flags[name]
				if !known {
					continue // of another command in the same table
				}
				found[name], tabled[command][name] = true, true
				if complaint := flag.compare(documented); complaint != "" {
					t.Errorf("%s: --%s of %s: %s", table.file, name, command, complaint)
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(table.defaults)) {
			if !found[name] {
				t.Errorf("%s names --%s, which %s does not have", table.file, name, strings.Join(table.commands, ", "))
			}
		}
	}
	for _, command := range slices.Sorted(maps.Keys(commands)) {
		for _, name := range slices.Sorted(maps.Keys(commands[command])) {
			if !tabled[command][name] {
				t.Errorf("no table of flags has --%s of %q", name, command)
			}
		}
	}
}

// compare says how the default that a table has differs from the flag's, "" if it does not.
func (f programFlag) compare(documented string) string {
	switch {
	case f.value != "":
		if !sameValue(f.value, documented) {
			return "the default is " + f.value + ", the table says " + strconv.Quote(documented)
		}
	case f.required:
		if documented != "required" {
			return "it is required, the table says " + strconv.Quote(documented)
		}
	case f.words != "":
		if documented == "" {
			return "the default is " + f.words + ", the table says nothing"
		}
	case documented == "required":
		return "it is not required"
	case strings.ContainsAny(documented, "123456789"):
		return "there is no default, the table says " + strconv.Quote(documented)
	}
	return ""
}

// sameValue says whether a table's cell begins with a value: 10m is 10m0s, 120,000,000 is 120000000.
func sameValue(value, documented string) bool {
	if documented == value || strings.HasPrefix(documented, value+",") || strings.HasPrefix(documented, value+" ") {
		return true
	}
	if a, err := time.ParseDuration(value); err == nil {
		b, err := time.ParseDuration(documented)
		return err == nil && a == b
	}
	if a, err := strconv.ParseFloat(value, 64); err == nil {
		first, _, _ := strings.Cut(documented, " ")
		b, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimRight(first, ","), ",", ""), 64)
		return err == nil && a == b
	}
	return false
}

// Flags that the text of the documents names exist.
func TestDocumentsNameFlagsThatExist(t *testing.T) {
	known := map[string]bool{}
	for _, flags := range commandFlags(t) {
		for name := range flags {
			known[name] = true
		}
	}
	named := regexp.MustCompile("(?m)(?:^|[\\s`(\\[|])--([a-z][a-z0-9_-]*)")
	seen := map[string]bool{}
	for file, text := range documents(t) {
		if filepath.Base(file) == "CHANGELOG.md" {
			continue // which names flags of the past
		}
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			name := strings.TrimRight(m[1], "-")
			seen[name] = true
			if !known[name] && foreignFlags[name] == "" {
				t.Errorf("%s names --%s, which no program has", file, name)
			}
		}
	}
	for name, program := range foreignFlags {
		if !seen[name] {
			t.Errorf("no document names --%s of %s any longer", name, program)
		}
	}
}

var (
	markdownLink    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	markdownHeading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInAnchors    = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchors are the places in a document that a link can lead to.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, m := range markdownHeading.FindAllStringSubmatch(text, -1) {
		found[strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return found
}

// Every relative link leads somewhere, and every document can be reached from the README.
func TestLinks(t *testing.T) {
	texts := documents(t)
	links := map[string][]string{}
	for file, text := range texts {
		for _, m := range markdownLink.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := file
			if target != "" {
				path = filepath.Join(filepath.Dir(file), target)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s: a link to %s: %v", file, m[1], err)
			} else if anchor != "" && !anchors(texts[path])[anchor] {
				t.Errorf("%s: a link to %s, where there is no such heading", file, m[1])
			}
			links[file] = append(links[file], path)
		}
	}
	reached, next := map[string]bool{"../README.md": true}, []string{"../README.md"}
	for len(next) > 0 {
		for _, path := range links[next[0]] {
			if !reached[path] {
				reached[path] = true
				next = append(next, path)
			}
		}
		next = next[1:]
	}
	files, err := filepath.Glob("../docs/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, slices.Sorted(maps.Keys(texts))...) {
		if !reached[file] && !strings.HasSuffix(file, ".go") {
			t.Errorf("no link leads from the README to %s", file)
		}
	}
}

// The architecture's table says of every package what it knows, but for leaves and for programs of the tests.
func TestArchitectureNamesThePackages(t *testing.T) {
	text, err := os.ReadFile("../docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| `") {
			for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells(line)[0], -1) {
				named[m[1]] = true
			}
		}
	}
	found := 0
	err = filepath.WalkDir("..", func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains([]string{"internal", "testdata", "scripts", "beam", "clitest", "convert", "dist", "out", ".git"}, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		found++
		if dir := strings.TrimPrefix(filepath.Dir(path), "../"); !named[dir] {
			named[dir] = true // once is enough
			t.Errorf("docs/ARCHITECTURE.md does not say what package %s knows", dir)
		}
		return nil
	})
	if err != nil || found < 100 {
		t.Errorf("%d files of Go were found: %v", found, err)
	}
}

// Files of the source that the documents name are there.
func TestDocumentsNameFilesThatExist(t *testing.T) {
	path := regexp.MustCompile("`((?:[a-zA-Z0-9_-]+/)+[a-zA-Z0-9_-]+\\.(?:go|sh|py|txt|txtar))`")
	found := 0
	for file, text := range documents(t) {
		for _, m := range path.FindAllStringSubmatch(text, -1) {
			if found++; strings.Contains(m[1], "NAME") {
				continue
			}
			if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
				t.Errorf("%s names %s, which does not exist", file, m[1])
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d names of files were found", found)
	}
}
