package crashtest

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// call is one call of the system that has returned without an error.
type call struct {
	name string
	// arguments are as strace prints them, but strings are as they were.
	arguments []string
	result    int
	// began is the number of calls that had returned when it was made.
	began int
}

func (c call) arg(i int) string {
	if i >= len(c.arguments) {
		return ""
	}
	return c.arguments[i]
}

// number is an argument as a number, -1 if it is none.
func (c call) number(i int) int {
	n, err := strconv.Atoi(c.arg(i))
	if err != nil {
		return -1
	}
	return n
}

func (c call) has(i int, flag string) bool {
	for f := range strings.SplitSeq(c.arg(i), "|") {
		if f == flag {
			return true
		}
	}
	return false
}

const (
	unfinished = " <unfinished ...>"
	resumed    = " resumed>"
	closing    = "close("
)

// parseTrace reads what strace -f -xx has written. Calls are in the order in which they returned,
// but close, which counts from when it was made.
func parseTrace(r io.Reader) ([]call, error) {
	p := traceParser{begun: map[string]begun{}}
	lines := bufio.NewReaderSize(r, 1<<20)
	for n := 1; ; n++ {
		line, err := lines.ReadString('\n')
		if line != "" {
			if err := p.line(strings.TrimSuffix(line, "\n")); err != nil {
				return nil, fmt.Errorf("line %d of the trace: %w", n, err)
			}
		}
		if errors.Is(err, io.EOF) {
			return p.calls, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

type begun struct {
	text string
	at   int
}

type traceParser struct {
	calls []call
	begun map[string]begun // by thread
}

func (p *traceParser) line(line string) error {
	thread, text, found := strings.Cut(line, " ")
	if !found {
		return fmt.Errorf("%.80q is no line of strace", line)
	}
	text, at := strings.TrimLeft(text, " "), len(p.calls)
	if strings.HasPrefix(text, "+++") || strings.HasPrefix(text, "---") {
		return nil
	}
	if start, found := strings.CutSuffix(text, unfinished); found {
		p.begun[thread] = begun{start, at}
		if strings.HasPrefix(start, closing) {
			return p.add(strings.TrimSuffix(start, ")")+") = 0", at)
		}
		return nil
	}
	if !strings.HasPrefix(text, "<... ") {
		return p.add(text, at)
	}
	start := p.begun[thread]
	delete(p.begun, thread)
	if strings.HasPrefix(start.text, closing) {
		return nil
	}
	_, rest, _ := strings.Cut(text, resumed)
	return p.add(start.text+rest, start.at)
}

func (p *traceParser) add(text string, began int) error {
	end := strings.LastIndex(text, " = ")
	name, rest, found := strings.Cut(text[:max(0, end)], "(")
	rest, closed := strings.CutSuffix(strings.TrimRight(rest, " "), ")")
	if !found || !closed {
		return fmt.Errorf("%.80q is no call", text)
	}
	returned, note, _ := strings.Cut(text[end+len(" = "):], " ")
	switch {
	case returned == "-1":
		return nil
	case returned == "?" && strings.HasPrefix(note, "ERESTART"): // it is made again
		return nil
	case returned == "?" && (name == "fsync" || name == "fdatasync" || name == "close"): // which promises nothing
		return nil
	case returned == "?":
		return fmt.Errorf("the program ended during %.80q: what came of that is unknown", text)
	}
	result, err := strconv.ParseInt(returned, 0, 64)
	if err != nil {
		return fmt.Errorf("%.80q: %w", text, err)
	}
	arguments, err := parseArguments(rest)
	if err != nil {
		return fmt.Errorf("%.80q: %w", text, err)
	}
	p.calls = append(p.calls, call{name, arguments, int(result), began})
	return nil
}

// parseArguments splits at the commas that are in no brackets and decodes strings.
func parseArguments(text string) ([]string, error) {
	var arguments []string
	depth, start := 0, 0
	for i := range len(text) + 1 {
		if i < len(text) {
			switch text[i] {
			case '[', '{', '(':
				depth++
			case ']', '}', ')':
				depth--
			}
			if text[i] != ',' || depth > 0 {
				continue
			}
		}
		a, err := parseArgument(strings.TrimSpace(text[start:i]))
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, a)
		start = i + 1
	}
	return arguments, nil
}

// parseArgument decodes a string, of which strace -xx prints every byte as \xNN.
func parseArgument(text string) (string, error) {
	quoted, found := strings.CutPrefix(text, `"`)
	if !found {
		return text, nil
	}
	inner, closed := strings.CutSuffix(quoted, `"`)
	if !closed {
		return "", fmt.Errorf("the string %.40q is cut off", text)
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(inner, `\x`, ""))
	if err != nil || len(inner) != 4*len(raw) {
		return "", fmt.Errorf("the string %.40q is not written in hexadecimal", text)
	}
	return string(raw), nil
}
