package cmd_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"fovea/internal/s3test"
)

// core is in every credential of these tests. It is the same in all spellings but base64.
const core = "mArKeRx7Q"

// shownMarker finds it.
var shownMarker = func() *regexp.Regexp {
	spellings := []string{"(?i:" + core + ")"}
	for at := range 3 { // where it may begin in a group of three bytes
		text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", at) + core))
		spellings = append(spellings, regexp.QuoteMeta(text[(at*8+5)/6:len(text)-1]))
	}
	return regexp.MustCompile(strings.Join(spellings, "|"))
}()

// credentials are a run of commands with credentials wherever they can be given.
type credentials struct {
	*testing.T
	dir         string
	environment []string
	server      *s3test.Server
}

func newCredentials(t *testing.T) *credentials {
	c := &credentials{T: t, dir: t.TempDir(), server: s3test.New()}
	t.Cleanup(c.server.Close)
	c.environment = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "FOVEA_CACHE=" + filepath.Join(c.dir, "cache"), "TMPDIR=" + c.dir}
	for name, value := range s3test.Environment() {
		c.environment = append(c.environment, name+"="+value)
	}
	c.environment = append(c.environment,
		"AWS_SECRET_ACCESS_KEY=aws/"+core+"+9", "AWS_SESSION_TOKEN=session/"+core+"==", "AZURE_STORAGE_ACCOUNT=account",
		"AZURE_STORAGE_SAS_TOKEN=sv=2024-01-01&sr=c&sp=rl&sig=sas%2F"+core+"%3D", "GOOGLE_API_KEY=google-"+core,
		// Nothing listens there. Loopback addresses are not asked for by proxies.
		"HTTPS_PROXY=http://user:proxy%2F"+core+"@127.0.0.1:1", "HTTP_PROXY=http://user:proxy%2F"+core+"@127.0.0.1:1")
	return c
}

// run runs a command, which must end with a status, and looks at what it prints.
func (c *credentials) run(status int, program string, arguments ...string) string {
	c.Helper()
	command := exec.Command(filepath.Join(binaries, program), arguments...)
	command.Dir, command.Env = c.dir, c.environment
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.Fatal(err)
	}
	what := program + " " + strings.Join(arguments, " ")
	if got := command.ProcessState.ExitCode(); got != status {
		c.Errorf("%s ends with status %d, want %d: %s", what, got, status, stderr.String())
	}
	c.look("the output of "+what, stdout.Bytes())
	c.look("the log of "+what, stderr.Bytes())
	return stdout.String() + stderr.String()
}

// The marker is found in all spellings, and not elsewhere.
func TestMarker(t *testing.T) {
	for _, text := range []string{core, strings.ToLower(core), url.QueryEscape("/" + core + "+"), strconv.Quote("\"" + core), base64.StdEncoding.EncodeToString([]byte(core)), base64.URLEncoding.EncodeToString([]byte("u:" + core + "/")), base64.StdEncoding.EncodeToString([]byte("user:" + core + "==")), base64.StdEncoding.EncodeToString([]byte("me:" + core))} {
		if !shownMarker.MatchString("before " + text + " after") {
			t.Errorf("it is not found in %s", text)
		}
	}
	if shownMarker.MatchString(base64.StdEncoding.EncodeToString([]byte("what is in no credential at all"))) {
		t.Error("it is found in something else")
	}
}

// look fails if a credential is in what was written.
func (c *credentials) look(where string, content []byte) {
	c.Helper()
	if found := shownMarker.FindIndex(content); found != nil {
		c.Errorf("%s shows a credential: ...%q...", where, content[max(0, found[0]-200):min(len(content), found[1]+60)])
	}
}

// lookEverywhere looks into all files and objects. What is compressed is read by Python.
func (c *credentials) lookEverywhere() {
	c.Helper()
	files := 0
	err := filepath.WalkDir(c.dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		files++
		c.look(name, append([]byte(name+"\n"), content...))
		return err
	})
	if err != nil || files == 0 {
		c.Errorf("%d files, %v", files, err)
	}
	for name, content := range c.server.Keys(c, "") {
		c.look("the object "+name, append([]byte(name+"\n"), content...))
	}
	readByPython(c.T, `
import base64, glob, sys, pyarrow.parquet as pq
files = glob.glob(sys.argv[1] + "/**/*.parquet", recursive=True)
assert files
for f in files:
    t = pq.read_table(f)
    print(t.schema.to_string(), t.schema.metadata, t.drop_columns([n for n in t.column_names if t.schema.field(n).type.num_fields]).to_pydict())`, c.dir, func(shown string) { c.look("a table", []byte(shown)) })
}

func (c *credentials) pictures(names ...string) {
	c.Helper()
	for i, name := range names {
		img := image.NewNRGBA(image.Rect(0, 0, 40+i, 40))
		for p := range 40 * 40 {
			img.Set(p%40, p/40, color.NRGBA{R: uint8(40 * i), G: uint8(p), B: uint8(90 * (i % 2)), A: 255})
		}
		var file bytes.Buffer
		check(c.T, encode(&file, img, ".png"))
		c.server.Put(c, "photos/"+name, file.Bytes())
	}
	c.server.Put(c, "photos/cat/broken.png", []byte("\x89PNG broken"))
}

// TestCredentialsWork runs the commands on stores and looks for the credentials in all that they write.
func TestCredentialsWork(t *testing.T) {
	t.Parallel()
	c := newCredentials(t)
	c.pictures("cat/1.png", "dog/2.png", "cat/3.png", "dog/4.png", "cat/5.png", "dog/6.png")
	model, err := filepath.Abs(smallModel)
	check(t, err)
	at := c.server.URL
	extract := func(status int, arguments ...string) string {
		return c.run(status, "extract", append([]string{"-v", "--model", model, "--preprocessing", "none", "--layers", "small/conv1/Conv2D", "--pool", "avg", "--labels", "dir", "--json"}, arguments...)...)
	}
	extract(3, "--out", at("set"), at("photos"))
	if said := extract(3, "--log-format", "json", "--out", at("set"), "--resume", at("photos")); !strings.Contains(said, `"earlier_rows": 6`) {
		t.Errorf("the run was not continued: %s", said)
	}
	extract(3, "--out", "local", at("photos"))
	extract(0, "--dry-run", at("photos"))
	if said := c.run(0, "extract", "dataset", "merge", "--json", at("merged"), at("set")); !strings.Contains(said, `"dataset": "s3://bucket/merged"`) {
		t.Errorf("merge says %s", said)
	}
	c.run(2, "extract", "dataset", "compact", at("merged"))
	c.run(0, "extract", "dataset", "partition", "--by", "label", "--json", "parts", at("set"))
	for _, what := range []string{"inspect", "stats", "validate", "duplicates"} {
		c.run(0, "extract", "dataset", what, "--json", at("set"))
	}
	c.run(0, "extract", "dataset", "export", "--format", "csv", "--out", "all.csv", at("set"))
	c.run(0, "extract", "dataset", "similar", "--query", "cat/1.png", at("set"))
	c.run(0, "finetune", "train", "--features", at("set"), "--out", "a.head", "--json", "--near-duplicates", "0")
	c.run(0, "finetune", "evaluate", "--head", "a.head", "--features", at("set"), "--json")
	c.run(1, "finetune", "report", "--head", "a.head", "--features", at("photos"), "--out", "report")
	c.run(0, "finetune", "report", "--head", "a.head", "--features", at("set"), "--out", "report")
	if page, err := os.ReadFile(filepath.Join(c.dir, "report", "report.html")); err != nil || bytes.Contains(page, []byte("use_path_style")) {
		t.Errorf("the report shows a URL's parameters, or %v", err)
	}
	c.run(3, "finetune", "predict", "-v", "--model", model, "--head", "a.head", at("photos"))
	c.run(3, "finetune", "predict", "--model", model, "--head", "a.head", "--format", "parquet", "--out", "p.parquet", at("photos"))
	c.run(0, "extract", "doctor", "--json")
	c.serve(model)
	c.lookEverywhere()
}

// serve asks a server for a prediction, with credentials in the request.
func (c *credentials) serve(model string) {
	command := exec.Command(filepath.Join(binaries, "finetune"), "serve", "-v", "--model", model, "--head", "a.head", "--listen", "127.0.0.1:0")
	command.Dir, command.Env = c.dir, c.environment
	stderr, err := command.StderrPipe()
	check(c.T, err)
	check(c.T, command.Start())
	var log bytes.Buffer
	address := regexp.MustCompile(`http://[^/]*/`)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		fmt.Fprintln(&log, lines.Text())
		at := address.FindString(lines.Text())
		if at == "" {
			continue
		}
		for _, path := range []string{"predict?sig=" + core, "metrics?token=" + core, "healthz?" + core, core} {
			request, err := http.NewRequest(http.MethodPost, at+path, strings.NewReader("no image"))
			check(c.T, err)
			if !strings.HasPrefix(path, "predict") {
				request.Method = http.MethodGet
			}
			request.SetBasicAuth("user", core)
			answer, err := http.DefaultClient.Do(request)
			check(c.T, err)
			body, err := io.ReadAll(answer.Body)
			check(c.T, errors.Join(err, answer.Body.Close()))
			c.look("the answer to "+path, body)
		}
		check(c.T, command.Process.Signal(os.Interrupt))
	}
	_ = command.Wait() // it was interrupted
	c.look("the server's log", log.Bytes())
}

// TestCredentialsRefused gives URLs with credentials to everything that takes a name.
func TestCredentialsRefused(t *testing.T) {
	t.Parallel()
	c := newCredentials(t)
	urls := []string{
		"s3://key:" + core + "@bucket/x", "s3://key:a/" + core + "+/@bucket/x", "s3://key:1/" + core + "@bucket/x", "s3://key:a?" + core + "@bucket", "s3://" + core + "@bucket/50%", "s3://key:%zz" + core + "@b",
		"s3:/key:" + core + "@bucket", "s3://key:" + core, "s3://bucket/x?secret_access_key=" + core + "&region=r", "s3://bucket/x?region=r&X-Amz-Signature=" + core + "&X-Amz-Credential=" + core,
		"s3://bucket/%zz?token=" + core, "s3://bucket/x?endpoint=http://key:" + core + "@127.0.0.1:1", "gs://key:" + core + "@bucket/x", "gs://bucket/x?access_token=" + core, "gs://bucket/x?" + core,
		"azblob://account:" + core + "@box/x", "azblob://box/x?sv=2024&sig=" + core + "%3D", "https://account.blob.core.windows.net/box/x?sv=2024&sr=c&sig=" + core + "%3D",
		"https://storage.googleapis.com/bucket/x?X-Goog-Signature=" + core, "https://user:" + core + "@example.com/x", "ftp://user:" + core + "/@h/x", "file:///x?token=" + core, "file://user:" + core + "@h/x",
	}
	commands := [][]string{
		{"extract", "--out", "out", "URL"}, {"extract", "--out", "URL", "photos"}, {"extract", "--out=URL", "--staging=URL", "photos"}, {"extract", "--out", "out", "--labels", "csv:URL", "photos"},
		{"extract", "--out", "out", "--model", "URL", "photos"}, {"extract", "--out", "out", "--preprocessing", "URL", "photos"}, {"extract", "--out", "out", "--files-from", "URL"}, {"extract", "--metrics-addr", "URL", "--out", "out", "photos"},
		{"extract", "--resume", "--out", "URL", "URL"}, {"extract", "--dry-run", "URL"}, {"extract", "--layers", "URL", "--out", "out", "photos"}, {"extract", "--shard", "URL", "--out", "out", "photos"}, {"extract", "--lables", "URL"},
		{"extract", "dataset", "inspect", "URL"}, {"extract", "dataset", "validate", "URL"}, {"extract", "dataset", "merge", "URL", "URL"}, {"extract", "dataset", "merge", "out", "URL"}, {"extract", "dataset", "compact", "URL"}, {"extract", "dataset", "relabel", "--labels", "csv:URL", "URL"},
		{"extract", "dataset", "partition", "URL", "URL"}, {"extract", "dataset", "export", "--out", "URL", "URL"}, {"extract", "dataset", "similar", "--query", "URL", "URL"}, {"extract", "dataset", "similar", "--query-file", "URL", "x"}, {"extract", "dataset", "URL"},
		{"extract", "model", "inspect", "URL"}, {"extract", "model", "check", "URL"}, {"extract", "model", "import", "vgg16", "URL"}, {"extract", "model", "fetch", "URL"}, {"extract", "model", "export", "vgg16", "URL"}, {"extract", "doctor", "URL"}, {"extract", "doctor", "--out", "URL", "--model", "URL"},
		{"finetune", "train", "--features", "URL", "--out", "a.head"}, {"finetune", "train", "--features", "x", "--out", "URL"}, {"finetune", "evaluate", "--head", "URL", "--features", "URL"}, {"finetune", "report", "--head", "URL", "--features", "URL", "--images", "URL", "--out", "URL"},
		{"finetune", "predict", "--head", "URL", "URL"}, {"finetune", "serve", "--head", "URL", "--listen", "URL"}, {"finetune", "export", "--head", "URL", "--out", "URL"}, {"finetune", "scratch", "--images", "URL", "--out", "URL"}, {"finetune", "compare", "--images", "URL", "--out", "out"}, {"finetune", "URL"},
	}
	var group errgroup.Group
	group.SetLimit(4)
	defer func() { _ = group.Wait() }()
	for i, command := range commands {
		for k, address := range urls {
			if i > 1 && i%len(urls) != k { // the first two meet every URL, and every command meets one
				continue
			}
			arguments := append([]string{}, command[1:]...)
			for n := range arguments {
				arguments[n] = strings.ReplaceAll(arguments[n], "URL", address)
			}
			if k%2 == 1 {
				arguments = append(arguments, "--log-format", "json", "-v")
			}
			group.Go(func() error { c.refused(command[0], arguments...); return nil })
		}
	}
}

// refused is run for a command that must fail, in some way.
func (c *credentials) refused(program string, arguments ...string) {
	c.Helper()
	command := exec.Command(filepath.Join(binaries, program), arguments...)
	command.Dir, command.Env = c.dir, c.environment
	said, err := command.CombinedOutput()
	if err == nil {
		c.Errorf("%s %q succeeds: %s", program, arguments, said)
	}
	c.look(fmt.Sprintf("%s %q", program, arguments), said)
}

// TestCredentialsInList reads URLs with credentials from lists.
func TestCredentialsInList(t *testing.T) {
	t.Parallel()
	c := newCredentials(t)
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	list := filepath.Join(c.dir, "cache", "list") // looked into below, but for this file
	check(t, os.MkdirAll(filepath.Dir(list), 0o755))
	for _, address := range []string{"s3://bucket/no?sig=" + core, "s3://key:" + core + "@b/x", "https://h/x?sig=" + core, server.URL + "/?token=" + core} {
		check(t, os.WriteFile(list, []byte(address+"\n"), 0o644))
		c.refused("extract", "--out", "out", "--files-from", list)
	}
	check(t, os.Remove(list))
}
