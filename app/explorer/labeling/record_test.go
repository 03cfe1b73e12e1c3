package labeling

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
)

// logOf is a log of some records, which it numbers.
func logOf(tb testing.TB, records ...record) []byte {
	tb.Helper()
	var log []byte
	for i, r := range records {
		r.N, r.Time = i+1, time.Date(2026, 11, 30, 12, 0, i, 0, time.UTC)
		line, err := r.encode()
		must(tb, err)
		log = append(log, line...)
	}
	return log
}

var someRecords = []record{
	{Do: doBegin, Version: logVersion},
	{Do: doLabel, Label: "cat \u2028 <&>\"\\", Rows: []entry{{"a%E9.jpg", strings.Repeat("ab", 32), "dog"}, {Path: "b.jpg"}}},
	{Do: doUndo, Of: 2, Except: []string{"b.jpg"}},
	{Do: doRedo, Of: 2},
	{Do: doWritten, Of: 4, Except: []string{"gone.jpg"}},
	{Do: doLabel, Rows: []entry{{Path: "b.jpg", From: "cat"}}},
}

// TestMain leaves out what is logged of logs that are cut off.
func TestMain(m *testing.M) {
	logrus.SetLevel(logrus.ErrorLevel)
	os.Exit(m.Run())
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// Wherever the last record is cut off, those before it are read, and what was cut off is kept beside the log.
func TestCutOff(t *testing.T) {
	log := logOf(t, someRecords...)
	last := bytes.LastIndexByte(log[:len(log)-1], '\n') + 1
	for size := last; size <= len(log); size++ {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, logFile), log[:size], 0o644))
		j, records, err := openLog(dir)
		must(t, err)
		want := len(someRecords) - 1
		if size == len(log) {
			want++
		}
		if len(records) != want || j.next != want+1 {
			t.Fatalf("of %d bytes, %d records, the next is %d", size, len(records), j.next)
		}
		if _, err = j.append(record{Do: doWritten, Of: 2}); err != nil {
			t.Fatal(err)
		}
		must(t, j.close())
		if again, good, err := readLog(dir); err != nil || len(again) != want+1 || good != int(j.size) {
			t.Fatalf("of %d bytes: %d records, %v", size, len(again), err)
		}
		torn, err := os.ReadFile(filepath.Join(dir, tornFile))
		if cut := size > last && size < len(log); cut != (err == nil) || cut && !bytes.Equal(torn, log[last:size]) {
			t.Fatalf("of %d bytes, %q is kept, %v", size, torn, err)
		}
	}
}

// Each changed byte before the last record makes the log unusable, and it stays as it is.
func TestDamage(t *testing.T) {
	log := logOf(t, someRecords...)
	last := bytes.LastIndexByte(log[:len(log)-1], '\n') + 1
	for at := range log[:last] {
		bad := bytes.Clone(log)
		bad[at] ^= 1
		if records, _, err := parse(bad); err == nil {
			t.Fatalf("byte %d is %q instead of %q, and %d records are read", at, bad[at], log[at], len(records))
		}
	}
	dir := t.TempDir()
	name, bad := filepath.Join(dir, logFile), bytes.Replace(log, []byte("dog"), []byte("cow"), 1)
	must(t, os.WriteFile(name, bad, 0o644))
	l := Open(Options{Dir: "dataset", State: dir})
	s := l.State()
	if s.Writable || !strings.Contains(s.Why, name) || !strings.Contains(s.Why, "line 2") || !strings.Contains(s.Why, "move it away") {
		t.Errorf("%+v", s)
	}
	if _, err := l.Set("", nil, "cat"); !errors.Is(err, ErrReadOnly) {
		t.Errorf("a change: %v", err)
	}
	must(t, l.Close())
	if now, err := os.ReadFile(name); err != nil || !bytes.Equal(now, bad) {
		t.Errorf("the damaged log was changed, %v", err)
	}
}

// A last line whose end is damaged, with more after it, is damage too, whatever seems to be checksums in it.
func TestDamagedEnd(t *testing.T) {
	log := logOf(t, someRecords...)
	log[len(log)-1] = ' '
	sums := strings.Repeat(sumStart, 100_000)
	for _, more := range []string{"x", sums, sums + "\n"} {
		if records, _, err := parse(append(bytes.Clone(log), more...)); !errors.Is(err, errDamaged) {
			t.Errorf("with %.20q behind it: %d records, %v", more, len(records), err)
		}
		last := bytes.LastIndexByte(log, '\n') + 1
		if records, good, err := parse(append(bytes.Clone(log[:last]), more...)); err != nil || len(records) != len(someRecords)-1 || good != last {
			t.Errorf("%.20q for the last line: %d records, %v", more, len(records), err)
		}
	}
}

// Records that contradict each other are not believed, however right their checksums are.
func TestContradictions(t *testing.T) {
	begin, change := someRecords[0], someRecords[1]
	for want, records := range map[string][]record{
		"is record 1":            {change},
		"version 2":              {{Do: doBegin, Version: 2}},
		"changes no row":         {begin, {Do: doLabel}},
		"not the last change":    {begin, change, {Do: doUndo, Of: 2}, {Do: doUndo, Of: 2}},
		"was not undone last":    {begin, change, {Do: doRedo, Of: 2}},
		"is of record 9":         {begin, change, {Do: doWritten, Of: 9}},
		"does not know":          {begin, {Do: "guess"}},
		"is record 2":            {begin, begin},
		"undoes record 2, which": {begin, change, change, {Do: doUndo, Of: 2}},
	} {
		if _, _, err := parse(logOf(t, records...)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	log := logOf(t, someRecords...)
	lines := bytes.SplitAfter(log, []byte("\n"))
	if _, _, err := parse(append(bytes.Clone(lines[0]), bytes.Join(lines[2:], nil)...)); err == nil || !strings.Contains(err.Error(), "a line is missing") {
		t.Errorf("without a line: %v", err)
	}
}

// Whatever a log is, its good part is read the same again, and what it says can be replayed.
func FuzzLog(f *testing.F) {
	log := logOf(f, someRecords...)
	f.Add(log)
	f.Add(log[:len(log)-7])
	f.Add(append(bytes.Clone(log), "{}\n"...))
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, log []byte) {
		records, good, err := parse(log)
		if err != nil {
			if len(records) > 0 || good > 0 {
				t.Fatalf("%d records with %v", len(records), err)
			}
			return
		}
		again, size, err := parse(log[:good])
		if err != nil || size != good || !reflect.DeepEqual(again, records) {
			t.Fatalf("read again: %v, %d of %d bytes", err, size, good)
		}
		l := &Labels{}
		l.replay(records)
		l.attach(Rows{Paths: []string{"a\xe9.jpg", "b.jpg"}, SHA256: []string{strings.Repeat("ab", 32), ""}, Labels: []string{"", "x"}})
		if l.done > len(l.changes) {
			t.Fatal(fmt.Sprint(l.done, " of ", len(l.changes)))
		}
	})
}
