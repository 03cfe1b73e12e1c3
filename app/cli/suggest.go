package cli

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fovea/internal/text"
	"fovea/internal/typo"
)

// OneOf checks the value of a flag that takes one of few names, and suggests the nearest one.
func OneOf[T ~string](flag string, value T, names ...T) error {
	if slices.Contains(names, value) {
		return nil
	}
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = string(name)
	}
	return Usagef("unknown %s %q%s: use %s", flag, string(value), typo.Hint(string(value), texts), text.Alternatives(texts))
}

// group is the annotation of commands that only hold others.
const group = "fovea_group"

// Group makes command one that only holds others: without one of their names, or with an unknown one,
// it is wrong usage. The note, if any, ends the message.
func Group(command *cobra.Command, note string) {
	if command.Annotations == nil {
		command.Annotations = map[string]string{}
	}
	command.Annotations[group] = note
	command.Args = cobra.ArbitraryArgs
	command.RunE = func(c *cobra.Command, arguments []string) error {
		if len(arguments) > 0 {
			return unknownCommand(c, arguments[0])
		}
		return Usagef("give a command: %s%s", text.Alternatives(commandNames(c)), noted(c))
	}
}

// IsGroup reports whether a command was made one by Group.
func IsGroup(command *cobra.Command) bool {
	_, is := command.Annotations[group]
	return is
}

func noted(c *cobra.Command) string {
	if note := c.Annotations[group]; note != "" {
		return "; " + note
	}
	return ""
}

func unknownCommand(c *cobra.Command, name string) error {
	names := commandNames(c)
	return Usagef("unknown command %q%s: use %s%s", name, typo.Hint(name, names), text.Alternatives(names), noted(c))
}

// commandNames are those of the commands below c that its help lists, without those that cobra adds.
func commandNames(c *cobra.Command) []string {
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "completion" && sub.Name() != "help" {
			names = append(names, sub.Name())
		}
	}
	return names
}

// flagError explains what pflag found wrong with the arguments of a command.
func flagError(c *cobra.Command, err error, arguments []string) error {
	if IsGroup(c) {
		// A mistyped command is met with the flags of the one that was meant.
		if name := firstOperand(c, arguments); name != "" {
			return unknownCommand(c, name)
		}
	}
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		return unknownFlag(c, unknown)
	}
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return invalidValue(invalid)
	}
	var missing *pflag.ValueRequiredError
	if errors.As(err, &missing) && missing.GetSpecifiedShortnames() == "" {
		return Usagef("--%s: the value is missing", missing.GetSpecifiedName())
	}
	return UsageError{err}
}

// unknownFlag names the flag that was meant. Hidden flags and former names count as well, but what is
// suggested is what took their place.
func unknownFlag(c *cobra.Command, err *pflag.NotExistError) error {
	now := map[string]string{}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		now[f.Name] = f.Name
		if instead := f.Annotations[insteadOf]; len(instead) > 0 {
			now[f.Name] = instead[0]
		}
	})
	formerNames.Lock()
	defer formerNames.Unlock()
	for _, name := range formerNames.names {
		if f := c.Flags().Lookup(name); f != nil {
			now[name] = f.Name
		}
	}
	if name := err.GetSpecifiedShortnames(); name != "" {
		if now[name] != "" { // -out for --out
			return Usagef("unknown flag -%s (did you mean --%s?)", name, now[name])
		}
		return Usagef("unknown flag -%s", name)
	}
	name := err.GetSpecifiedName()
	hint := ""
	if meant := typo.Nearest(name, slices.Sorted(maps.Keys(now))); meant != "" {
		hint = fmt.Sprintf(" (did you mean --%s?)", now[meant])
	}
	return Usagef("unknown flag --%s%s", name, hint)
}

// invalidValue says what a flag takes.
func invalidValue(err *pflag.InvalidValueError) error {
	flag, value, cause := "--"+err.GetFlag().Name, err.GetValue(), err.Unwrap()
	if wanted := wantedValue[err.GetFlag().Value.Type()]; wanted != "" && !errors.As(cause, new(UsageError)) {
		if errors.Is(cause, strconv.ErrRange) {
			wanted = "a smaller " + strings.TrimPrefix(wanted, "a ")
		}
		return Usagef("%s %s: give %s", flag, quoted(value), wanted)
	}
	// A cause may have any number in it.
	if quoted(value) != value && strings.Contains(cause.Error(), value) {
		return Usagef("%s: %w", flag, cause)
	}
	return Usagef("%s %s: %w", flag, quoted(value), cause)
}

// wantedValue is what pflag's own types of values take.
var wantedValue = map[string]string{
	"int": "a whole number", "int32": "a whole number", "int64": "a whole number",
	"uint": "a whole number of 0 or more", "uint32": "a whole number of 0 or more", "uint64": "a whole number of 0 or more",
	"float32": "a number", "float64": "a number",
	"bool": "true or false", "duration": "a duration, such as 30s or 5m",
}

// quoted puts quotes around anything but a number.
func quoted(value string) string {
	if _, err := strconv.ParseFloat(value, 64); err == nil {
		return value
	}
	return strconv.Quote(value)
}

// firstOperand is the first of a command's arguments that is neither a flag nor a flag's value.
func firstOperand(c *cobra.Command, arguments []string) string {
	_, rest, err := c.Root().Find(arguments)
	if err != nil {
		return ""
	}
	for i := 0; i < len(rest); i++ {
		switch a := rest[i]; {
		case a == "--":
			return ""
		case strings.HasPrefix(a, "-") && a != "-":
			if takesNext(c, a) {
				i++
			}
		default:
			return a
		}
	}
	return ""
}

// takesNext says whether the argument after a flag is its value. For unknown flags it is not.
func takesNext(c *cobra.Command, argument string) bool {
	name, long := strings.CutPrefix(argument, "--")
	if strings.Contains(name, "=") {
		return false
	}
	f := c.Flags().Lookup(name)
	if !long {
		name = argument[1:]
		f = c.Flags().ShorthandLookup(name[len(name)-1:])
	}
	return f != nil && f.NoOptDefVal == ""
}

// meantCommand is the end of the message of a command that takes arguments and also holds commands,
// where its first argument is not a file but nearly one of their names, or a name within one of them.
func meantCommand(c *cobra.Command, arguments []string) string {
	if IsGroup(c) || !c.HasAvailableSubCommands() {
		return ""
	}
	name := firstOperand(c, arguments)
	if name == "" {
		return ""
	}
	if _, err := os.Lstat(name); err == nil {
		return ""
	}
	meant := nestedCommands(c, name)
	if near := typo.Nearest(name, commandNames(c)); near != "" {
		meant = []string{near}
	}
	if len(meant) == 0 {
		return ""
	}
	return fmt.Sprintf(" (or did you mean the command %s?)", text.Alternatives(meant))
}

// nestedCommands are the commands of a name that the commands below c hold, such as dataset inspect.
func nestedCommands(c *cobra.Command, name string) (nested []string) {
	for _, holder := range c.Commands() {
		if IsGroup(holder) && slices.Contains(commandNames(holder), name) {
			nested = append(nested, holder.Name()+" "+name)
		}
	}
	return nested
}
