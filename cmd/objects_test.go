package cmd_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rogpeppe/go-internal/testscript"

	"fovea/featurestore"
	"fovea/internal/s3test"
	"fovea/objects"
)

// objectNames PREFIX prints the names of the objects of the server that begin so. With a second
// argument, a directory, its files are put there first, or, if it is named same:DIR, what is
// there is compared with the dataset in DIR, but for the manifest.
func objectNames(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: objects PREFIX [DIR | same:DIR]")
	}
	server := ts.Value("s3").(*s3test.Server)
	found := func() map[string][]byte { return server.Keys(s3test.Fatal(ts.Fatalf), args[0]) }
	if len(args) == 2 {
		dir, same := strings.CutPrefix(args[1], "same:")
		root := ts.MkAbs(dir)
		if same {
			sameFiles(ts, found(), args[0], root)
		} else {
			putFiles(ts, server, args[0], root)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found())) {
		fmt.Fprintln(ts.Stdout(), name)
	}
}

func putFiles(ts *testscript.TestScript, server *s3test.Server, prefix, root string) {
	for name, value := range s3test.Environment() { // of this process
		ts.Check(os.Setenv(name, value))
	}
	folder, err := objects.Open(context.Background(), server.URL(prefix))
	ts.Check(err)
	ts.Check(filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		return folder.Put(context.Background(), filepath.ToSlash(name), bytes.NewReader(content), int64(len(content)))
	}))
}

func sameFiles(ts *testscript.TestScript, found map[string][]byte, prefix, root string) {
	shards, err := filepath.Glob(filepath.Join(root, "data", "*"))
	ts.Check(err)
	if len(shards) == 0 {
		ts.Fatalf("%s has no shards", root)
	}
	for _, file := range append(shards, filepath.Join(root, ".fovea", "errors.jsonl")) {
		content, err := os.ReadFile(file)
		ts.Check(err)
		name, err := filepath.Rel(root, file)
		ts.Check(err)
		if !bytes.Equal(found[prefix+"/"+filepath.ToSlash(name)], content) {
			ts.Fatalf("%s/%s is not the same as %s", prefix, filepath.ToSlash(name), file)
		}
	}
	maps.DeleteFunc(found, func(name string, _ []byte) bool { // which tell two runs' pictures apart
		return featurestore.IsSeen(strings.TrimPrefix(name, prefix+"/"))
	})
	if len(found) != len(shards)+2 {
		ts.Fatalf("%s has %d objects, want %d", prefix, len(found), len(shards)+2)
	}
}

// faults are what scripts want of the server that they share, at the same time, by their names.
type faults struct {
	mutex sync.Mutex
	by    map[string]s3test.Fault
}

func (f *faults) set(script string, fault s3test.Fault) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.by[script] = fault
}

// answer has a request go through the faults of all scripts, whose addresses differ.
func (f *faults) answer(w http.ResponseWriter, r *http.Request) bool {
	f.mutex.Lock()
	wanted := slices.Collect(maps.Values(f.by))
	f.mutex.Unlock()
	return slices.ContainsFunc(wanted, func(fault s3test.Fault) bool { return fault != nil && fault(w, r) })
}

// breakServer N METHOD SUBSTRING has the server refuse all requests from the N-th one of that
// method and of an address with that substring on. N of 0 mends it.
func breakServer(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 1 && len(args) != 3 {
		ts.Fatalf("usage: break N METHOD SUBSTRING, or break 0")
	}
	f := ts.Value("faults").(*faults)
	from, err := strconv.Atoi(args[0])
	ts.Check(err)
	if from == 0 {
		f.set(ts.Name(), nil)
		return
	}
	var requests atomic.Int64
	f.set(ts.Name(), func(w http.ResponseWriter, r *http.Request) bool {
		hit := r.Method == args[1] && strings.Contains(r.URL.String(), args[2])
		if hit && requests.Add(1) >= int64(from) || !hit && requests.Load() >= int64(from) && strings.Contains(r.URL.String(), args[2]) {
			s3test.Answer(w, http.StatusBadRequest, "Away")
			return true
		}
		return false
	})
}

// object put KEY [CONTENT] puts an object under any name, object delete KEY deletes one, and object steal
// KEY METHOD SUBSTRING puts one, another run's lock, at the first request of that method and of an address with that
// substring.
func object(ts *testscript.TestScript, negated bool, args []string) {
	server := ts.Value("s3").(*s3test.Server)
	put := func(content string) { server.Put(s3test.Fatal(ts.Fatalf), args[1], []byte(content)) }
	switch {
	case negated || len(args) < 2:
		ts.Fatalf("usage: object put KEY [CONTENT], object delete KEY, object steal KEY METHOD SUBSTRING")
	case args[0] == "put":
		put(strings.Join(args[2:], " "))
	case args[0] == "delete":
		_, err := server.Backend.DeleteObject(s3test.Bucket, args[1])
		ts.Check(err)
	case args[0] == "steal" && len(args) == 4:
		var stolen atomic.Bool
		ts.Value("faults").(*faults).set(ts.Name(), func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == args[2] && strings.Contains(r.URL.Path, args[3]) && stolen.CompareAndSwap(false, true) {
				put(`{"token": "another", "host": "elsewhere", "pid": 4711}`)
			}
			return false
		})
	default:
		ts.Fatalf("object knows put, delete and steal")
	}
}
