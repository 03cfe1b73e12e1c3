package guard

import (
	"fmt"
	"testing"
)

func TestReadLevels(t *testing.T) {
	tests := []struct {
		name  string
		data  []byte
		width int
		n     int
		want  string // levels and what is left, or an error
	}{
		{"a run", []byte{2, 0, 0, 0, 5 << 1, 2, 99}, 2, 5, "22222 [99]"},
		{"longer than needed", []byte{2, 0, 0, 0, 9 << 1, 2}, 2, 5, "22222 []"},
		{"two runs", []byte{4, 0, 0, 0, 2 << 1, 1, 3 << 1, 0, 7}, 1, 5, "11000 [7]"},
		{"packed bits", []byte{2, 0, 0, 0, 1<<1 | 1, 0b10110010, 7}, 1, 8, "01001101 [7]"},
		{"packed bits, fewer needed", []byte{2, 0, 0, 0, 1<<1 | 1, 0b10110010, 7}, 1, 3, "010 [7]"},
		{"packed pairs", []byte{3, 0, 0, 0, 1<<1 | 1, 0b11100100, 0b00011011}, 2, 8, "01233210 []"},
		{"a long count", []byte{3, 0, 0, 0, 0x80, 0x01, 1}, 1, 64, "1111111111111111111111111111111111111111111111111111111111111111 []"},
		{"none", []byte{0, 0, 0, 0, 8}, 1, 0, " [8]"},
		{"empty", nil, 1, 1, "error"},
		{"too few", []byte{2, 0, 0, 0, 2 << 1, 1}, 1, 3, "error"},
		{"length beyond the end", []byte{9, 0, 0, 0, 2 << 1, 1}, 1, 2, "error"},
		{"run without level", []byte{1, 0, 0, 0, 2 << 1}, 1, 2, "error"},
		{"packed bits cut off", []byte{2, 0, 0, 0, 2<<1 | 1, 1}, 1, 16, "error"},
		{"run of nothing", []byte{4, 0, 0, 0, 0, 1, 2, 1}, 1, 1, "error"},
		{"count without end", []byte{5, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff}, 1, 1, "error"},
	}
	for _, test := range tests {
		levels := ""
		rest, err := ReadLevels(test.data, test.width, test.n, func(level, count int) bool {
			for range count {
				levels += fmt.Sprint(level)
			}
			return true
		})
		got := fmt.Sprintf("%s %v", levels, rest)
		if err != nil {
			got = "error"
		}
		if got != test.want {
			t.Errorf("%s: %q (%v), want %q", test.name, got, err, test.want)
		}
	}
}

func FuzzReadLevels(f *testing.F) {
	f.Add([]byte{2, 0, 0, 0, 1<<1 | 1, 0b10110010, 7}, uint8(1), uint16(8))
	f.Add([]byte{3, 0, 0, 0, 0x80, 0x01, 1}, uint8(2), uint16(64))
	f.Fuzz(func(t *testing.T, data []byte, width uint8, n uint16) {
		seen := 0
		_, err := ReadLevels(data, int(width%8)+1, int(n), func(_, count int) bool { seen += count; return true })
		if err == nil && seen != int(n) {
			t.Errorf("%d levels, want %d", seen, n)
		}
	})
}
