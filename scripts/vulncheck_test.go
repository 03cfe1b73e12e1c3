package scripts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// advisory says that every version of a package of Go is vulnerable. It is made up, for a database of its own.
const advisory = `{"schema_version":"1.3.1","id":"GO-0000-0001","modified":"2026-01-01T00:00:00Z","published":"2026-01-01T00:00:00Z",
	"summary":"made up","details":"made up","affected":[{"package":{"name":"stdlib","ecosystem":"Go"},
	"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}],
	"ecosystem_specific":{"imports":[{"path":"strings"}]}}],
	"database_specific":{"url":"https://example.org/GO-0000-0001","review_status":"REVIEWED"}}`

// What is vulnerable fails; a database that cannot be reached is said, and does not.
func TestVulncheck(t *testing.T) {
	write := func(dir, name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	vulnerable := t.TempDir()
	write(vulnerable, "index/db.json", `{"modified":"2026-01-01T00:00:00Z"}`)
	write(vulnerable, "index/modules.json", `[{"path":"stdlib","vulns":[{"id":"GO-0000-0001","modified":"2026-01-01T00:00:00Z"}]}]`)
	write(vulnerable, "ID/GO-0000-0001.json", advisory)
	for name, test := range map[string]struct {
		database, want string
		fails          bool
	}{
		"unreachable": {"http://127.0.0.1:1", "nothing was looked up: the database cannot be reached", false},
		"vulnerable":  {"file://" + vulnerable, "GO-0000-0001", true},
	} {
		c := exec.Command("bash", "vulncheck.sh", "./internal/text")
		c.Env = append(os.Environ(), "GOVULNDB="+test.database, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
		out, err := c.CombinedOutput()
		if strings.Contains(string(out), "curl, which asks") {
			t.Skip("curl is not installed")
		}
		if (err != nil) != test.fails || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}
