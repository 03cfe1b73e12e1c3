package labeltable

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"fovea/internal/lazy"
)

// Classes are the names of classes that a table has by number, or by another name.
type Classes struct {
	file string
	// names are by number, or by the other name.
	names map[string]string
	known map[string]bool
}

// maxClassesBytes bounds a file of classes, whose 21,842 for all of ImageNet take one megabyte.
const maxClassesBytes = 64 << 20

func (o Options) classes() (*Classes, error) {
	if o.Classes == "" {
		return nil, nil
	}
	f, err := os.Open(o.Classes)
	if err != nil {
		return nil, fmt.Errorf("cannot open the classes: %w", err)
	}
	defer f.Close() // read-only
	data, err := io.ReadAll(io.LimitReader(f, maxClassesBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the classes: %w", err)
	}
	if len(data) > maxClassesBytes {
		return nil, fmt.Errorf("the file of classes %s has more than %d bytes", o.Classes, maxClassesBytes)
	}
	return readClasses(data, o.Classes)
}

// readClasses reads a file of classes:
//   - JSON {"tench": 0, ...}, torchvision's class_to_idx, and {"0": "tench", ...}
//   - JSON {"0": ["n01440764", "tench"], ...}, Keras's imagenet_class_index.json, whose first names count: the second
//     ones are not unique
//   - JSON ["tench", ...] or a text with a name in each line, numbered from 0
//   - a list of ImageNet's synsets, "n01440764 tench, Tinca tinca", of which the identifiers are the names
//   - a text with a number and a name in each line
//   - JSON {"n01440764": "tench", ...}, other names for names
func readClasses(data []byte, file string) (*Classes, error) {
	c := &Classes{file: file, names: map[string]string{}, known: map[string]bool{}}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	var err error
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') {
		err = c.readJSON(trimmed)
	} else {
		err = c.readText(data)
	}
	if err == nil && len(c.names) == 0 {
		err = fmt.Errorf("it has no classes")
	}
	if err != nil {
		return nil, fmt.Errorf("the file of classes %s: %w", file, err)
	}
	return c, nil
}

func (c *Classes) readJSON(data []byte) error {
	if data[0] == '[' {
		var names []string
		if err := json.Unmarshal(data, &names); err != nil {
			return err
		}
		for i, name := range names {
			if err := c.add(strconv.Itoa(i), name); err != nil {
				return err
			}
		}
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if _, err := decoder.Token(); err != nil {
		return err
	}
	for decoder.More() { // in order, so that a name that is there twice is seen
		key, err := decoder.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		if err := c.addJSON(key.(string), value); err != nil {
			return err
		}
	}
	_, err := decoder.Token()
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// addJSON adds a member of an object.
func (c *Classes) addJSON(key string, value json.RawMessage) error {
	var number int
	var name string
	var names []string
	switch {
	case json.Unmarshal(value, &number) == nil && string(value) != "null":
		return c.add(strconv.Itoa(number), key)
	case json.Unmarshal(value, &name) == nil && string(value) != "null":
		return c.add(key, name)
	case json.Unmarshal(value, &names) == nil && len(names) > 0:
		return c.add(key, names[0])
	}
	return fmt.Errorf("the value of %q is neither a number, nor a name, nor a list of names", key)
}

var (
	synset   = lazy.Regexp(`^(n\d{8})(\s|$)`)
	numbered = lazy.Regexp(`^(\d+)[\s:,]+(\S.*)$`)
)

// readText reads a text with a class in each line.
func (c *Classes) readText(data []byte) error {
	if !utf8.Valid(data) {
		return fmt.Errorf("it is not UTF-8: save it as UTF-8")
	}
	var lines []string
	scanner := bufio.NewScanner(bytes.NewReader(data))
	scanner.Buffer(nil, maxRow)
	for scanner.Scan() {
		if line := strings.TrimSpace(scanner.Text()); line != "" {
			lines = append(lines, line)
		}
	}
	if err := scanner.Err(); err != nil {
		return err
	}
	all := func(pattern func() *regexp.Regexp) bool {
		for _, line := range lines {
			if !pattern().MatchString(line) {
				return false
			}
		}
		return true
	}
	synsets, numbers := all(synset), all(numbered)
	for i, line := range lines {
		key, name := strconv.Itoa(i), line
		switch {
		case synsets:
			name = synset().FindStringSubmatch(line)[1]
		case numbers:
			parts := numbered().FindStringSubmatch(line)
			key, name = strings.TrimLeft(parts[1][:len(parts[1])-1], "0")+parts[1][len(parts[1])-1:], parts[2]
		}
		if err := c.add(key, name); err != nil {
			return err
		}
	}
	return nil
}

func (c *Classes) add(key, name string) error {
	key, name = strings.TrimSpace(key), strings.TrimSpace(name)
	if earlier, found := c.names[key]; found {
		return fmt.Errorf("the class %s is there twice, as %q and %q", key, earlier, name)
	}
	if name == "" || c.known[name] {
		return fmt.Errorf("two classes, or one without a name, are called %q: give each a name of its own", name)
	}
	c.names[key], c.known[name] = name, true
	return nil
}

// wholeNumber is a number as programs write it whose columns are fractions.
var wholeNumber = lazy.Regexp(`^(\d+)\.0+$`)

// name is the name of the class that a table calls label. No classes leave labels as they are.
func (c *Classes) name(label string) (string, error) {
	if c == nil || label == "" {
		return label, nil
	}
	name, found := c.names[wholeNumber().ReplaceAllString(label, "$1")]
	switch {
	case found && c.known[label] && name != label:
		return "", fmt.Errorf("has the label %q, which in %s is the name of one class and the number of another, %q: use names that are not numbers", label, c.file, name)
	case found:
		return name, nil
	case c.known[label]:
		return label, nil
	}
	return "", fmt.Errorf("has the label %q, which is none of the %d classes in %s", label, len(c.names), c.file)
}
