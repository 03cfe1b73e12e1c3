package text

import (
	"strings"
)

// narrowest is the number of columns below which a description begins below what it describes, and not beside it.
const narrowest = 24

// Fold breaks the lines of a help text that are longer than width between words. Paragraphs, whose lines begin in the
// first column, are filled anew; what stands in a second column, after two blanks or more, is continued in that column.
// Other lines that are indented are commands: they stay whole, so that they can be copied.
func Fold(help string, width int) string {
	var folded strings.Builder
	paragraph, long := []string(nil), false
	flush := func() {
		if long {
			paragraph = fill(strings.Fields(strings.Join(paragraph, " ")), width)
		}
		for _, line := range paragraph {
			folded.WriteString(line + "\n")
		}
		paragraph, long = nil, false
	}
	for line := range strings.Lines(help) {
		line = strings.TrimSuffix(line, "\n")
		if line != "" && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
			paragraph, long = append(paragraph, line), long || Columns(line) > width
			continue
		}
		flush()
		folded.WriteString(foldIndented(line, width) + "\n")
	}
	flush()
	if !strings.HasSuffix(help, "\n") {
		return strings.TrimSuffix(folded.String(), "\n")
	}
	return folded.String()
}

// foldIndented is Fold of a line that is indented.
func foldIndented(line string, width int) string {
	if Columns(line) <= width {
		return line
	}
	start := secondColumn(line)
	if start == 0 {
		return line
	}
	name, indent := line[:start], Columns(line[:start])
	if width-indent < narrowest {
		indent = min(10, width/4)
		if name = strings.TrimRight(name, " "); name != "" {
			name += "\n"
		}
		name += strings.Repeat(" ", indent)
	}
	return name + strings.Join(fill(strings.Fields(line[start:]), width-indent), "\n"+strings.Repeat(" ", indent))
}

// secondColumn is where the second column of an indented line begins, 0 where there is none. A line that is indented far
// continues that of the line before.
func secondColumn(line string) int {
	text := len(line) - len(strings.TrimLeft(line, " "))
	if text > 12 {
		return text
	}
	gap := strings.Index(line[text:], "  ")
	if gap < 0 {
		return 0
	}
	gap += text
	return gap + len(line[gap:]) - len(strings.TrimLeft(line[gap:], " "))
}

// fill puts words into lines of width columns at most; a longer word has a line of its own.
func fill(words []string, width int) (lines []string) {
	for _, word := range words {
		if last := len(lines) - 1; last >= 0 && Columns(lines[last])+1+Columns(word) <= width {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}
