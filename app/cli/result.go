package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"fovea/internal/spelling"
	"fovea/internal/text"
)

// ResultFlags choose how a command prints its result. The zero value prints it for people.
type ResultFlags struct {
	// JSON is the flag --json.
	JSON bool
}

// Add defines --json.
func (r *ResultFlags) Add(f *pflag.FlagSet) {
	f.BoolVar(&r.JSON, "json", false, "print the result as JSON")
}

// AddWithFormat defines --json and, hidden, --format table|json, which it was called before.
func (r *ResultFlags) AddWithFormat(f *pflag.FlagSet) {
	r.Add(f)
	f.Var((*formatValue)(&r.JSON), "format", "table or json")
	replace(f, "format", "json")
}

// Print prints a result to standard output: as JSON, or by the function that writes it for people.
func (r ResultFlags) Print(result any, print func(io.Writer) error) error {
	return r.PrintTo(standardOutput(), result, print)
}

// standardOutput is standard output; if it is a terminal, texts for people know its width (text.Width).
func standardOutput() io.Writer {
	fd := int(os.Stdout.Fd())
	if !term.IsTerminal(fd) {
		return os.Stdout
	}
	width, _, err := term.GetSize(fd)
	if err != nil {
		return os.Stdout
	}
	return text.Within(os.Stdout, width)
}

// PrintTo prints a result to w. For people, names are shown as spelling.Line has it, also where print forgot to; programs
// get them as they are.
func (r ResultFlags) PrintTo(w io.Writer, result any, print func(io.Writer) error) error {
	if r.JSON {
		if err := PrintJSON(w, result); err != nil {
			return fmt.Errorf("print the result: %w", err)
		}
		return nil
	}
	var said strings.Builder
	err := print(text.Within(&said, text.Width(w)))
	if _, writeErr := io.WriteString(w, spelling.Lines(said.String())); err == nil {
		err = writeErr
	}
	if err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

// formatValue is the flag --format: whether it is json.
type formatValue bool

func (v *formatValue) String() string {
	if *v {
		return "json"
	}
	return "table"
}

func (v *formatValue) Type() string { return "string" }

func (v *formatValue) Set(value string) error {
	if value != "table" && value != "json" {
		return Usagef("%q: use table or json", value)
	}
	*v = value == "json"
	return nil
}

// PrintJSON prints a result, indented. Names in it are not escaped for web pages.
func PrintJSON(w io.Writer, result any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(result)
}
