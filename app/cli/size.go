package cli

import (
	"fmt"
	"strings"
)

// ParseSize reads a flag's number of bytes with a unit, as 64MB or 2GB.
func ParseSize(flag, text string) (int64, error) {
	units := map[string]int64{"": 1, "B": 1, "kB": 1 << 10, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
	digits := strings.TrimRight(text, "kKMGB")
	unit, known := units[text[len(digits):]]
	var n int64
	if _, err := fmt.Sscanf(digits+" ", "%d ", &n); err != nil || !known || n < 1 || n > 1<<40/unit || fmt.Sprint(n) != digits {
		return 0, Usagef("%s %q: give a size as 64MB or 2GB", flag, text)
	}
	return n * unit, nil
}
