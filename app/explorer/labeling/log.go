package labeling

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/internal/disk"
	"fovea/internal/lockfile"
)

// The files of the log, in the directory that is beside the dataset.
const (
	logFile  = "labels.jsonl"
	tornFile = "labels.torn"
	lockName = "labels.lock"
)

// journal is the log on disk. Only who has the lock appends to it.
type journal struct {
	dir  string
	lock *lockfile.Lock
	// file is opened, and made, for the first record.
	file *os.File
	size int64
	next int // the number of the next record
	// large is the size from which on it is said that the log is large; then twice that.
	large int64
	// broken is why nothing can be appended any more.
	broken error
}

// errBadLog says that the log can be read, but not believed.
var errBadLog = errors.New("the log of labels cannot be used")

// readLog reads the log without the lock; what is being written at its end is left out.
func readLog(dir string) ([]record, int, error) {
	data, err := os.ReadFile(filepath.Join(dir, logFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	records, good, err := parse(data)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %s: %w: put a copy of it back, or move it away to begin a new one (labels that are in the dataset stay; what was not written, and what could be undone, is in the old log)",
			errBadLog, filepath.Join(dir, logFile), err)
	}
	return records, good, nil
}

// openLog takes the lock and reads the log. A record that was cut off is moved out of it.
func openLog(dir string) (j *journal, records []record, err error) {
	if _, err := disk.MakeDir(dir); err != nil {
		return nil, nil, err
	}
	j = &journal{dir: dir, large: largeLog}
	if j.lock, err = lockfile.Take(filepath.Join(dir, lockName)); err != nil {
		return nil, nil, err
	}
	good := 0
	if records, good, err = readLog(dir); err == nil {
		err = j.repair(int64(good))
	}
	if err != nil {
		return nil, nil, errors.Join(err, j.close())
	}
	j.next = len(records) + 1
	j.measure()
	return j, records, nil
}

// largeLog is the size of the log from which on it is worth a word: it is read into memory, as a whole, at every start. A
// label a time, that takes some 200,000 of them. Only tests change it.
var largeLog int64 = 64 << 20

// measure says if the log has become large, and again whenever it has doubled. Nothing is ever left out of it: all of its
// changes can be undone, and only people know which of them they will not want back.
func (j *journal) measure() {
	if j.size < j.large {
		return
	}
	logrus.Warnf("%s, the log of labels, has %d MiB: to begin a new one, move it away while no explorer is running; labels that are in the dataset stay, but what the old log has can then not be undone", filepath.Join(j.dir, logFile), j.size>>20)
	for j.size >= j.large {
		j.large *= 2
	}
}

// repair cuts off what comes after good bytes, and keeps it beside the log.
func (j *journal) repair(good int64) error {
	name := filepath.Join(j.dir, logFile)
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if j.file, err = os.OpenFile(name, os.O_RDWR, 0o644); err != nil {
		return err
	}
	j.size = good
	if int64(len(data)) == good {
		return nil
	}
	torn := filepath.Join(j.dir, tornFile)
	logrus.Warnf("the end of %s was cut off while it was written, by a crash or a full disk: its last %d bytes, which nobody was told are saved, are in %s now", name, int64(len(data))-good, torn)
	return errors.Join(os.WriteFile(torn, data[good:], 0o644), j.file.Truncate(good), j.file.Sync())
}

// append adds a record, which is on disk afterwards, and returns its number. If it fails, the log is as it was.
func (j *journal) append(r record) (number int, err error) {
	if j.broken != nil {
		return 0, j.broken
	}
	if err := j.begin(); err != nil {
		return 0, err
	}
	number = j.next
	return number, j.write(r)
}

// begin makes the log.
func (j *journal) begin() (err error) {
	if j.file == nil {
		if j.file, err = os.OpenFile(filepath.Join(j.dir, logFile), os.O_RDWR|os.O_CREATE, 0o644); err != nil {
			return err
		}
		if err = disk.Sync(j.dir); err != nil {
			return err
		}
	}
	if j.next > 1 {
		return nil
	}
	return j.write(record{Do: doBegin, Version: logVersion})
}

func (j *journal) write(r record) error {
	r.N, r.Time = j.next, time.Now().UTC().Truncate(time.Millisecond)
	line, err := r.encode()
	if err != nil {
		return err
	}
	_, err = j.file.WriteAt(line, j.size)
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		if undone := errors.Join(j.file.Truncate(j.size), j.file.Sync()); undone != nil {
			j.broken = fmt.Errorf("the log of labels %s cannot be written any more (%w): mend that and start the explorer again", j.file.Name(), undone)
		}
		return err
	}
	j.size += int64(len(line))
	j.next++
	j.measure()
	return nil
}

// close gives the lock up.
func (j *journal) close() error {
	var err error
	if j.file != nil {
		err = j.file.Close()
	}
	err = errors.Join(err, j.lock.Release())
	_ = os.Remove(j.dir) // if nothing was put into it
	return err
}
