package objects

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"fovea/internal/lazy"
	"fovea/internal/redact"
)

// Schemes of object store URLs.
var schemes = []string{"s3", "gs", "azblob", "mem"}

// IsURL says whether a name is an object store URL.
func IsURL(name string) bool {
	scheme, _, found := strings.Cut(name, "://")
	return found && slices.Contains(schemes, strings.ToLower(scheme))
}

// Canonical is the common spelling of all URLs of one folder: a slash at the end, the order of
// parameters and redundant escapes make no difference. Other names are returned unchanged.
func Canonical(name string) string {
	u, key, err := parse(name)
	if err != nil {
		return name
	}
	canonical := url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/" + key, RawQuery: u.Query().Encode()}
	switch {
	case key == "":
		canonical.Path = ""
	case strings.HasSuffix(key, "/"): // a slash of the name, before the one that belongs to the URL
		canonical.Path += "/"
	}
	return canonical.String()
}

// parse takes a URL apart; key is the name in the bucket, without a slash at its end. A # is an
// ordinary character, as in the providers' own programs: objects have no fragments.
func parse(name string) (u *url.URL, key string, err error) {
	shown := redact.URL(name)
	if redact.Misplaced(name) {
		return nil, "", fmt.Errorf("objects: %s: %w", shown, ErrCredentials)
	}
	u, err = url.Parse(strings.ReplaceAll(name, "#", "%23"))
	var wrong *url.Error
	if errors.As(err, &wrong) {
		err = wrong.Err // the rest repeats the URL
	}
	var escape url.EscapeError
	if errors.As(err, &escape) {
		return nil, "", fmt.Errorf("objects: %s: %w: in a URL write %%25 for a %% in a name, and %%3F for a ?", shown, err)
	}
	if err != nil {
		return nil, "", fmt.Errorf("objects: %s: %w", shown, redact.Known(nil, name).Error(err))
	}
	if !IsURL(name) || u.Host == "" {
		return nil, "", fmt.Errorf("objects: %q is not the URL of a bucket, such as s3://BUCKET/NAME", shown)
	}
	if u.User != nil {
		return nil, "", fmt.Errorf("objects: %s: %w", shown, ErrCredentials)
	}
	// One slash at each end belongs to the URL; more of them are part of the name.
	return u, strings.TrimSuffix(strings.TrimPrefix(u.Path, "/"), "/"), nil
}

// ErrCredentials marks a URL with credentials. They would be seen by everybody who can list the machine's
// processes, and by whoever reads the shell's history.
var ErrCredentials = errors.New("credentials do not belong in a URL, where others can read them: give them by the provider's environment variables or files (for s3:// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, for azblob:// AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN, for gs:// GOOGLE_APPLICATION_CREDENTIALS), and replace those that were in it")

// misspelt is a URL with a single slash, which would pass for a directory named "s3:".
var misspelt = lazy.Regexp(`^(?i:(s3|gs|azblob|mem|file)):/([^/].*)$`)

// ErrScheme marks a URL of another kind than the package reads.
var ErrScheme = errors.New("URLs of this kind are not read: use s3://BUCKET/NAME, gs://BUCKET/NAME, azblob://CONTAINER/NAME or file:///DIRECTORY, or download it; ./NAME is a file of such a name")

// LocalPath is the path that a file:// URL means; other names stay as they are. A URL with too few slashes is
// an error, and one of another kind is ErrScheme.
func LocalPath(name string) (string, error) {
	if parts := misspelt().FindStringSubmatch(name); parts != nil {
		slashes, number := "//", "two"
		if strings.EqualFold(parts[1], "file") {
			slashes, number = "///", "three"
		}
		return "", fmt.Errorf("objects: %s: a URL as this has %s slashes: %s", redact.URL(name), number, redact.URL(parts[1]+":"+slashes+parts[2]))
	}
	shown := redact.URL(name)
	switch kind, _, found := strings.Cut(name, "://"); {
	case !found || !scheme().MatchString(name) || IsURL(name):
		return name, nil
	case !strings.EqualFold(kind, "file"):
		return "", fmt.Errorf("objects: %s: %w", shown, ErrScheme)
	}
	u, err := url.Parse(name)
	switch {
	case err != nil:
		return "", fmt.Errorf("objects: %w", redact.Known(nil, name).Error(err))
	case u.Host != "" && u.Host != "localhost" && u.Host != ".":
		return "", fmt.Errorf("objects: %s names the machine %q: a file:// URL has three slashes, such as file:///data/photos", shown, u.Host)
	case u.RawQuery != "" || u.Fragment != "" || u.Path == "":
		return "", fmt.Errorf("objects: %s: a file:// URL is only a path, such as file:///data/photos (%%23 is a #, %%3F a ?)", shown)
	case u.Host == ".":
		return filepath.FromSlash("." + u.Path), nil
	}
	return filepath.FromSlash(u.Path), nil
}
