package cmd_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fovea/featurestore"
	"fovea/internal/text"
)

// onSmallDisk mounts a file system of 1 MB, which only the script sees, fills it but for room,
// runs the command until that is used up, and again when room was made, with --resume if it said so.
const onSmallDisk = `set -e
mount -t tmpfs -o size=1m tmpfs "$DISK"
head -c "$BALLAST" /dev/zero >"$DISK/ballast"
set +e
"$@" 2>"$WORK/full.log"; echo $? >"$WORK/full.status"
find "$DISK/out" -type f | sed "s,$DISK/out/,," | sort >"$WORK/full.files"
cp -a "$DISK/out" "$WORK/full"
rm "$DISK/ballast"
grep -q -e ' with --resume' "$WORK/full.log" && set -- "$@" --resume
"$@" 2>"$WORK/resumed.log"; echo $? >"$WORK/resumed.status"
cp -a "$DISK/out" "$WORK/resumed"
`

// A full disk stops the command with an error that names the file, the cause and the remedy.
// Complete files stay, nothing half-written has a final name, and the resumed dataset is that
// of a run with room enough.
func TestExtractOnFullDisk(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if output, err := exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk).CombinedOutput(); err != nil {
		t.Skipf("no small file system can be mounted here: %v: %s", err, output)
	}
	photos, whole := tinyPictures(t, killPictures, killBroken), filepath.Join(t.TempDir(), "whole")
	mustEnd(t, small(whole, "--rows-per-file", "8", photos), 3)
	for _, room := range []int{20_000, 150_000, 220_000} {
		t.Run(fmt.Sprintf("%d bytes", room), func(t *testing.T) {
			work := t.TempDir()
			extract := small(filepath.Join(disk, "out"), "--rows-per-file", "8", photos)
			command := exec.Command("unshare", append([]string{"-rm", "sh", "-c", onSmallDisk, "sh"}, extract.Args...)...)
			command.Env = append(os.Environ(), "DISK="+disk, "WORK="+work, fmt.Sprintf("BALLAST=%d", 1<<20-room))
			if output, err := command.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, output)
			}
			read := func(name string) string {
				content, err := os.ReadFile(filepath.Join(work, name))
				check(t, err)
				return string(content)
			}
			t.Logf("%s%s", read("full.log"), read("full.files"))
			if read("full.status") != "1\n" || read("resumed.status") != "3\n" {
				t.Errorf("the status is %s, resumed %s, want 1 and 3: %s", read("full.status"), read("resumed.status"), read("resumed.log"))
			}
			message, remedy := read("full.log"), "run the same command; nothing was kept"
			if kept, err := featurestore.Open(filepath.Join(work, "full")); err == nil {
				remedy = "run the same command with --resume; the dataset has kept " + text.Plural(kept.Rows(), "row")
			} else if room > 20_000 {
				t.Errorf("nothing was kept: %v", err)
			}
			if !regexp.MustCompile(`(part-000[0-9]{2}\.parquet|manifest\.json|errors\.jsonl).*no space left on device: free space on the disk of \S+ and ` + remedy + "\"\n").MatchString(message) {
				t.Errorf("the message is %s, want one that ends with %s", message, remedy)
			}
			if strings.Contains(read("full.files"), ".fovea/tmp/") {
				t.Errorf("a temporary file is left:\n%s", read("full.files"))
			}
			if filesOf(filepath.Join(work, "full", "data")) > 0 {
				check(t, featurestore.Verify(filepath.Join(work, "full")))
			}
			sameDatasets(t, filepath.Join(work, "resumed"), whole)
		})
	}
}

// smallHead trains a head of cats and dogs on the small model, and gives its file and the folder of the pictures.
func smallHead(t *testing.T, dir string) (head, photos string) {
	t.Helper()
	photos, head = tinyPictures(t, 40, 0), filepath.Join(dir, "a.head")
	pets := filepath.Join(dir, "pets")
	for i := range 40 {
		class := filepath.Join(photos, []string{"cat", "dog"}[i%2])
		check(t, os.MkdirAll(class, 0o755))
		check(t, os.Rename(filepath.Join(photos, fmt.Sprintf("%04d.png", i)), filepath.Join(class, fmt.Sprintf("%d.png", i))))
	}
	mustEnd(t, small(pets, "--pool", "avg", "--labels", "dir", photos), 0)
	mustEnd(t, exec.Command(filepath.Join(binaries, "finetune"), "train", "-q", "--features", pets, "--out", head, "--near-duplicates", "0"), 0)
	return head, photos
}

// A file that would be larger than ulimit -f allows is an error like a full disk, and no sudden end.
func TestFileSizeLimit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	head, photos := smallHead(t, dir)
	for _, command := range []*exec.Cmd{
		small(filepath.Join(dir, "large"), photos),
		exec.Command(filepath.Join(binaries, "finetune"), "export", "--head", head, "--model", smallModel, "--out", filepath.Join(dir, "exported")),
	} {
		limited := exec.Command("sh", append([]string{"-c", `ulimit -f 1 && exec "$@"`, "sh"}, command.Args...)...)
		output, err := limited.CombinedOutput()
		if err == nil || limited.ProcessState.ExitCode() != 1 ||
			!regexp.MustCompile(`(?i)/(manifest|part-00000|variables)\S*[:;] file too large.*: raise the limit on the size of files \(ulimit -f\)`).Match(output) {
			t.Errorf("%s ends with %v and says %s", command, err, output)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*exported*")); err != nil || len(left) > 0 {
		t.Errorf("there are %q, %v", left, err)
	}
}
