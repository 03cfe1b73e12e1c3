package cli

import (
	"math"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// SizeHelp ends the help of flags that count bytes.
const SizeHelp = "1MB is 1,000,000 bytes, 1MiB is 1,048,576"

// sizeWanted is what a flag that counts bytes takes.
const sizeWanted = "a size, such as 64MB (10^6 bytes each) or 64MiB (2^20)"

// maxSize bounds sizes to what can be meant: 1 TiB.
const maxSize = 1 << 40

var sizeUnits = map[string]int64{
	"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}

// SizeVar defines a flag that counts bytes: 64MB, 1.5GB, 64MiB or a plain number. The default value is 0
// or more bytes; what the flag sets is at least 1.
func SizeVar(f *pflag.FlagSet, bytes *int64, name string, value int64, usage string) {
	*bytes = value
	f.Var((*sizeValue)(bytes), name, usage)
}

type sizeValue int64

func (v *sizeValue) String() string {
	if *v == 0 {
		return ""
	}
	return exactSize(int64(*v))
}

func (v *sizeValue) Type() string { return "size" }

func (v *sizeValue) Set(value string) error {
	n, ok := parseSize(value)
	if !ok {
		return Usagef("give %s", sizeWanted)
	}
	*v = sizeValue(n)
	return nil
}

// parseSize reads a number of bytes with a unit, such as 64MB, 2GB or 64MiB.
func parseSize(value string) (int64, bool) {
	digits := strings.TrimRight(value, "bBkKmMgGtTi")
	unit, known := sizeUnits[strings.ToLower(value[len(digits):])]
	if !known || strings.Trim(digits, "0123456789.") != "" { // no exponents, signs or hex
		return 0, false
	}
	n, err := strconv.ParseFloat(digits, 64)
	bytes := math.Round(n * float64(unit))
	if err != nil || bytes < 1 || bytes > maxSize {
		return 0, false
	}
	return int64(bytes), true
}

// exactSize writes a number of bytes so that parseSize reads the same.
func exactSize(n int64) string {
	for _, u := range []string{"TB", "GB", "MB", "kB", "TiB", "GiB", "MiB", "KiB"} {
		if unit := sizeUnits[strings.ToLower(u)]; n%unit == 0 {
			return strconv.FormatInt(n/unit, 10) + u
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}
