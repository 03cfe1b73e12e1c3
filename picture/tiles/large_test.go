package tiles_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"image"
	"os"
	"runtime"
	"testing"

	"fovea/picture"
	"fovea/picture/tiles"
)

// largeScene is a TIFF of side x side pixels in RGB, in Deflate tiles of 256 pixels, of which four are different: the
// file refers to them again and again, so that it is small.
func largeScene(side int) []byte {
	const block = 256
	across := (side + block - 1) / block
	var body bytes.Buffer
	body.Write(make([]byte, 8))
	var at, size [4]uint32
	for i := range at {
		at[i] = uint32(body.Len())
		z := zlib.NewWriter(&body)
		pixels := make([]byte, 3*block*block)
		for p := range pixels {
			pixels[p] = byte(p*(i+3)>>5) ^ byte(p/(3*block))
		}
		z.Write(pixels)
		z.Close()
		size[i] = uint32(body.Len()) - at[i]
	}
	lists := [2]int{}
	for l, list := range [2][4]uint32{at, size} {
		lists[l] = body.Len()
		for i := range across * across {
			body.Write(binary.LittleEndian.AppendUint32(nil, list[i%4]))
		}
	}
	bits := body.Len()
	body.Write([]byte{8, 0, 8, 0, 8, 0})
	directory := body.Len()
	entries := [][4]int{
		{256, 4, 1, side}, {257, 4, 1, side}, {258, 3, 3, bits}, {259, 3, 1, 8}, {262, 3, 1, 2}, {277, 3, 1, 3},
		{322, 4, 1, block}, {323, 4, 1, block}, {324, 4, across * across, lists[0]}, {325, 4, across * across, lists[1]},
	}
	out := binary.LittleEndian.AppendUint16(nil, uint16(len(entries)))
	for _, e := range entries {
		out = binary.LittleEndian.AppendUint16(out, uint16(e[0]))
		out = binary.LittleEndian.AppendUint16(out, uint16(e[1]))
		out = binary.LittleEndian.AppendUint32(out, uint32(e[2]))
		out = binary.LittleEndian.AppendUint32(out, uint32(e[3]))
	}
	body.Write(append(out, 0, 0, 0, 0))
	data := body.Bytes()
	copy(data, "II*\x00")
	binary.LittleEndian.PutUint32(data[4:], uint32(directory))
	return data
}

// A scene of 30,000 x 30,000 pixels is cut in little memory: a few rows of it in tests, all of it where
// FOVEA_WHOLE_SCENE is set. FOVEA_SCENE_FILE keeps it.
func TestMemoryOfLargeScene(t *testing.T) {
	const side, limit = 30_000, 300 << 20
	data := largeScene(side)
	if file := os.Getenv("FOVEA_SCENE_FILE"); file != "" {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	spec := tiles.Spec{Size: 224, Stride: 224}
	cutter, err := tiles.Open(t.Context(), bytes.NewReader(data), int64(len(data)), spec, picture.SceneOptions{})
	if err != nil {
		t.Fatal(err)
	}
	places, _, err := cutter.Places()
	if err != nil || len(places) != 134*134 || places[len(places)-1] != image.Pt(side-224, side-224) {
		t.Fatalf("%d tiles, %v", len(places), err)
	}
	if os.Getenv("FOVEA_WHOLE_SCENE") == "" {
		places = append(places[:3*134:3*134], places[len(places)-134:]...)
	}
	for _, p := range places {
		if _, err := cutter.Tile(p); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	t.Logf("%d tiles, %d MB from the system", len(places), (after.Sys-before.Sys)>>20)
	if taken := after.Sys - before.Sys; taken > limit {
		t.Errorf("%d MB are taken from the system", taken>>20)
	}
}

// Each tile of the file is decoded about once: a row of tiles takes about as long as its rows of the file.
func BenchmarkTiles(b *testing.B) {
	data := largeScene(8192)
	for b.Loop() {
		cutter, err := tiles.Open(b.Context(), bytes.NewReader(data), int64(len(data)), tiles.Spec{Size: 224, Stride: 224}, picture.SceneOptions{})
		if err != nil {
			b.Fatal(err)
		}
		places, _, err := cutter.Places()
		if err != nil {
			b.Fatal(err)
		}
		for _, p := range places[:8*37] {
			if _, err := cutter.Tile(p); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// Files that would take much memory, or whose tiles are missing, are refused with little.
func TestHostileScenes(t *testing.T) {
	patched := func(values ...uint32) []byte {
		data := largeScene(3000)
		for at := int(binary.LittleEndian.Uint32(data[4:])) + 2; at+12 <= len(data); at += 12 {
			for i := 0; i < len(values); i += 2 {
				if uint32(binary.LittleEndian.Uint16(data[at:])) == values[i] {
					binary.LittleEndian.PutUint32(data[at+8:], values[i+1])
				}
			}
		}
		return data
	}
	for _, c := range []struct {
		name string
		data []byte
		spec string
		want error
	}{
		{"tiles of a thousand million pixels", patched(322, 1<<15, 323, 1<<15), "224", picture.ErrTooLarge},
		{"sides of two thousand million pixels", patched(256, 1<<31-1, 257, 1<<31-1), "224", picture.ErrTruncated},
		{"more pixels than its tiles have", patched(256, 30000), "224", picture.ErrTruncated},
		{"tiles behind the end", patched(324, 1<<30), "224", picture.ErrTruncated},
		{"a side of none", patched(257, 0), "224", picture.ErrCorrupt},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		cutter, err := open(t, c.data, c.spec, picture.SceneOptions{})
		if err == nil {
			_, err = cutter.Tile(image.Point{})
		}
		runtime.ReadMemStats(&after)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 8<<20 {
			t.Errorf("%s: %d MB are taken", c.name, taken>>20)
		}
	}
	cutter, err := open(t, largeScene(3000), "8192", picture.SceneOptions{MaxPixels: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cutter.Tile(image.Point{}); err == nil {
		t.Error("a tile of 67 million pixels is within a limit of one million")
	}
}
