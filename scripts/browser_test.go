package scripts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Where no browser can be had, browser.sh says why and does not fail.
func TestBrowserSkips(t *testing.T) {
	programs := func(t *testing.T, own map[string]string) string {
		t.Helper()
		dir := t.TempDir()
		for _, name := range []string{"bash", "mktemp", "rm", "tail", "timeout"} {
			file, err := exec.LookPath(name)
			if err != nil {
				t.Skip(err)
			}
			if err := os.Symlink(file, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		for name, text := range own {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/bash\n"+text), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	for name, test := range map[string]struct {
		own  map[string]string
		want string
	}{
		"no apt-get": {nil, "no apt-get to install one with"},
		"not root":   {map[string]string{"apt-get": "exit 0", "id": "echo 1000"}, "only root may install one"},
		"no network": {map[string]string{"apt-get": "echo no network; exit 100", "id": "echo 0"}, "no network\nbrowser: there is no Chromium, and it could not be installed"},
		"useless":    {map[string]string{"apt-get": "exit 0", "id": "echo 0", "chromium": "exit 1"}, "it could not be installed"},
	} {
		t.Run(name, func(t *testing.T) {
			c := exec.Command("bash", "browser.sh", "install")
			c.Env = []string{"PATH=" + programs(t, test.own), "TMPDIR=" + t.TempDir()}
			out, err := c.CombinedOutput()
			if err != nil || !strings.Contains(string(out), test.want) {
				t.Errorf("%v, %q, want %q", err, out, test.want)
			}
		})
	}
	t.Run("installs", func(t *testing.T) {
		dir := programs(t, map[string]string{"id": "echo 0"})
		program := filepath.Join(dir, "chromium-headless-shell")
		install := "#!/bin/bash\nprintf '#!/bin/bash\\n' >" + program + "; " + "[ -x /bin/chmod ] && /bin/chmod +x " + program
		if err := os.WriteFile(filepath.Join(dir, "apt-get"), []byte(install), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"install", "path"} {
			c := exec.Command("bash", "browser.sh", command)
			c.Env = []string{"PATH=" + dir, "TMPDIR=" + t.TempDir()}
			out, err := c.CombinedOutput()
			if err != nil || command == "path" && strings.TrimSpace(string(out)) != program {
				t.Errorf("%s: %v, %q", command, err, out)
			}
		}
	})
}
