package cmd_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// programText is a text in a program that users may see, and where it is.
type programText struct{ place, text string }

// programTexts are the texts in all programs and libraries, but for those of tests, of scripts, and of beam, which is a
// module of its own.
func programTexts(t *testing.T) []programText {
	t.Helper()
	var texts []programText
	files := token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{"testdata", "scripts", "beam", "shared", "findings", "dist", "out", "bin", ".git"}, entry.Name()):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				text, err := strconv.Unquote(l.Value)
				if err != nil {
					t.Error(err)
				}
				texts = append(texts, programText{files.Position(l.Pos()).String(), text})
			}
			return true
		})
		return nil
	})
	if err != nil || len(texts) < 10_000 {
		t.Fatalf("%d texts: %v", len(texts), err)
	}
	return texts
}

var (
	namedFlag = regexp.MustCompile("(?:^|[\\s`\"'(\\[|])--([a-z][a-z0-9_-]*)")
	// styleVariable is a variable of CSS, which looks like a flag.
	styleVariable = regexp.MustCompile(`var\(--|--[a-z]+:`)
	// namedCommand is a command, and what follows it up to the end of the phrase.
	namedCommand = regexp.MustCompile("\\b((?:extract (?:dataset|model)|finetune) [a-z]+|extract)((?: [^ `|,;:()&\"]+)*)")
	// plainCommand is a command where it must be one: extract, by itself, is also a word.
	plainCommand = regexp.MustCompile(`^(?:extract (?:dataset|model)|finetune) `)
)

// notCommands follow the name of a program in sentences.
var notCommands = []string{"finetune and", "finetune separates"}

// namesNothing says what a text names that the programs do not have: commands, flags, or flags of other commands than
// the one before them.
func namesNothing(text string, commands map[string]map[string]programFlag) (complaints []string) {
	for _, m := range namedCommand.FindAllStringSubmatch(text, -1) {
		command, rest := m[1], m[2]
		flags, known := commands[command]
		if !known && plainCommand.MatchString(command) && !slices.Contains(notCommands, command) {
			complaints = append(complaints, "the command "+strconv.Quote(command))
		}
		for _, f := range namedFlag.FindAllStringSubmatch(rest, -1) {
			_, has := flags[f[1]]
			if _, common := commands[""][f[1]]; known && !has && !common && !slices.Contains(everywhere, f[1]) {
				complaints = append(complaints, "--"+f[1]+" of "+command)
			}
		}
	}
	return complaints
}

// Flags and commands that errors, help and log name exist, and flags are those of the command that they follow.
func TestMessagesNameWhatExists(t *testing.T) {
	commands := commandFlags(t)
	known := map[string]bool{}
	for _, flags := range commands {
		for name := range flags {
			known[name] = true
		}
	}
	flags, names := 0, 0
	for _, text := range programTexts(t) {
		for _, m := range namedFlag.FindAllStringSubmatch(styleVariable.ReplaceAllString(text.text, ""), -1) {
			name := strings.TrimRight(m[1], "-")
			if flags++; !known[name] && !slices.Contains(everywhere, name) && foreignFlags[name] == "" && name != "raw" { // of gdcmconv
				t.Errorf("%s names --%s, which no program has: %q", text.place, name, text.text)
			}
		}
		names += len(namedCommand.FindAllString(text.text, -1))
		for _, complaint := range namesNothing(text.text, commands) {
			t.Errorf("%s names %s, which does not exist: %q", text.place, complaint, text.text)
		}
	}
	if flags < 300 || names < 100 {
		t.Errorf("only %d flags and %d commands were found", flags, names)
	}
}

// Commands that documents name exist, and have the flags that follow them.
func TestDocumentsNameCommandsThatExist(t *testing.T) {
	commands := commandFlags(t)
	texts := documents(t)
	for _, file := range slices.Sorted(maps.Keys(texts)) {
		if filepath.Base(file) == "CHANGELOG.md" {
			continue // which names commands of the past
		}
		for i, line := range strings.Split(texts[file], "\n") {
			for _, complaint := range namesNothing(line, commands) {
				t.Errorf("%s:%d names %s, which does not exist: %s", file, i+1, complaint, line)
			}
		}
	}
}

// What does not exist is found.
func TestNamesNothing(t *testing.T) {
	commands := map[string]map[string]programFlag{"": {"quiet": {}}, "extract": {"resume": {}}, "extract dataset merge": {"prefix-paths": {}}, "finetune train": {"out": {}}}
	for text, want := range map[string]int{
		"run extract --resume, or finetune train --quiet --out x": 0, "extract dataset merge --prefix-paths OUT IN": 0, "to extract features (finetune train makes heads)": 0,
		"run extract --resumee": 1, "extract dataset merge a --out b": 1, "finetune trian": 1, "extract dataset join --prefix-paths": 1, "`finetune train`, --out of it": 0, "finetune train --resume; extract --out": 2,
	} {
		if got := namesNothing(text, commands); len(got) != want {
			t.Errorf("%q: %q, want %d", text, got, want)
		}
	}
}
