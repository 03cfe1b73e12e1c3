package serving

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fovea/internal/web"
)

// described is what matters of the description.
type described struct {
	Paths map[string]map[string]json.RawMessage
	// Components has the parameters that are referred to.
	Components struct{ Parameters map[string]parameter }
	Security   []map[string][]string
}

type parameter struct {
	Ref      string `json:"$ref"`
	Name, In string
}

type operation struct {
	Parameters []parameter
	Security   *[]any
}

// The description has every route, with its parameters and whether it is open, and no other.
func TestOpenAPIIsComplete(t *testing.T) {
	s := redServer(t, redPredictor(&redness{}), ServerOptions{Name: `a "b"`})
	content, err := s.describeAPI()
	if err != nil || strings.Contains(string(content), "{{") {
		t.Fatalf("%s, %v", content, err)
	}
	var d described
	if err := json.Unmarshal(content, &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Security) != 0 || !strings.Contains(string(content), `{"enum": ["a \"b\""]}`) {
		t.Errorf("the description is %s", content)
	}
	for _, route := range s.routes() {
		method, path, _ := strings.Cut(route.Pattern, " ")
		path = strings.TrimSuffix(path, "{$}")
		if strings.HasPrefix(path, "/v1") && method == "POST" {
			path += ":predict"
		}
		method = strings.ToLower(method)
		raw, found := d.Paths[path][method]
		if !found {
			t.Errorf("the description lacks %s", route.Pattern)
			continue
		}
		delete(d.Paths[path], method)
		checkOperation(t, route, raw, d)
	}
	for path, rest := range d.Paths {
		if delete(rest, "parameters"); len(rest) > 0 {
			t.Errorf("there is no route for %s %v", path, rest)
		}
	}
}

func checkOperation(t *testing.T, route web.Route, raw json.RawMessage, d described) {
	t.Helper()
	var o operation
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range o.Parameters {
		if p.Ref != "" {
			p = d.Components.Parameters[strings.TrimPrefix(p.Ref, "#/components/parameters/")]
		}
		if p.In == "query" {
			names = append(names, p.Name)
		}
	}
	if !slices.Equal(names, route.Parameters) {
		t.Errorf("%s takes %v, the description says %v", route.Pattern, route.Parameters, names)
	}
	if open := o.Security != nil && len(*o.Security) == 0; open != route.Open {
		t.Errorf("%s is open: %t, the description says %t", route.Pattern, route.Open, open)
	}
}

// Schemathesis holds the server to its description, with a bounded number of requests: those that the description allows,
// and those that it does not.
func TestOpenAPIBySchemathesis(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute of requests")
	}
	python := servingPython(t)
	tokens := filepath.Join(t.TempDir(), "tokens")
	const token = "0123456789abcdef0123456789abcdef"
	if err := os.WriteFile(tokens, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	site, err := web.Options{TokenFile: tokens}.Open()
	if err != nil {
		t.Fatal(err)
	}
	h, o := novelHead(t)
	dir, _ := stored(t, h, o, photoFiles(t)[:3])
	o.Batch, o.AnyBatch = 4, true
	p := open(t, h, o)
	n, err := p.OpenNeighbors(t.Context(), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	s, err := NewServer(p, ServerOptions{Name: "pets", Version: "1.2.3", Site: site, Neighbors: n})
	if err != nil {
		t.Fatal(err)
	}
	url, _ := start(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, filepath.Join(filepath.Dir(python), "schemathesis"), "run", url+"/openapi.json", "--header", "Authorization: Bearer "+token,
		"--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--seed", "1", "--generation-deterministic", "--request-timeout", "30",
		// A body that the description allows may still be no image, and a pattern's Allow is that of all that it matches:
		// /v1/models/NAME, and with :predict.
		"--exclude-checks", "positive_data_acceptance,allow_header_conformance", "--no-color")
	command.Dir = t.TempDir()
	const config = "[checks]\nnegative_data_rejection.expected-statuses = [400, 404, 405, 413, 415, 422]\n"
	if err := os.WriteFile(filepath.Join(command.Dir, "schemathesis.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, regexp.MustCompile(`(?m)^(.{300}).*$`).ReplaceAll(out, []byte("$1...")))
	}
	summary := regexp.MustCompile(`Tested: (\d+)[\s\S]*\n *(\d+) generated`).FindStringSubmatch(string(out))
	if summary == nil || summary[1] != "26" {
		t.Fatalf("the summary is %q", summary)
	}
	r, err := http.NewRequest(http.MethodGet, url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	counted, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	answered := regexp.MustCompile(`(?m)^finetune_requests_total\{status="(\d+)"\} \d+`).FindAllString(string(counted), -1)
	t.Logf("%s requests; of those that compute: %q", summary[2], answered)
	if text := strings.Join(answered, " "); !strings.Contains(text, `"200"`) || strings.Contains(text, `"500"`) {
		t.Errorf("the requests got %s", text)
	}
}
