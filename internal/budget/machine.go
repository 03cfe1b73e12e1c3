package budget

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	memoryInfo    = "/proc/meminfo"
	controlGroups = "/sys/fs/cgroup"
)

// Total is the memory in bytes that the process could use if nothing else did: the machine's, or its control
// group's if that is less; 0 if neither is known.
func Total() int64 {
	text, _ := os.ReadFile(memoryInfo) // without it, nothing is known of the machine
	least, _ := memoryLine(string(text), "MemTotal:")
	for _, file := range []string{"memory.max", "memory/memory.limit_in_bytes"} {
		if limit, limited := number(filepath.Join(controlGroups, file)); limited && limit > 0 && (least == 0 || limit < least) {
			least = limit
		}
	}
	return least
}

// Available is the memory in bytes that the machine or the container can give to the process now. It is false
// where the system does not say.
func Available() (int64, bool) {
	text, err := os.ReadFile(memoryInfo)
	if err != nil {
		return 0, false
	}
	available, ok := memoryLine(string(text), "MemAvailable:")
	if limit, limited := containerMemory(controlGroups); ok && limited {
		available = min(available, limit)
	}
	return available, ok
}

// memoryLine reads a line such as "MemAvailable:   12345 kB" of many.
func memoryLine(info, name string) (int64, bool) {
	_, rest, found := strings.Cut(info, name)
	fields := strings.Fields(rest)
	if !found || len(fields) == 0 {
		return 0, false
	}
	kilobytes, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return 0, false
	}
	return kilobytes << 10, true
}

// containerMemory is what the limit of a container (cgroups, version 2) leaves.
func containerMemory(root string) (int64, bool) {
	limit, limited := number(filepath.Join(root, "memory.max"))
	used, known := number(filepath.Join(root, "memory.current"))
	return max(0, limit-used), limited && known
}

// number reads a file with a number in it; "max" is none.
func number(file string) (int64, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}
