//go:build !nocloud

package drivers_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"fovea/objects"
)

const marker = "mArKeRx7Q"

// alone is set in the process that has a test to itself.
const alone = "FOVEA_TEST_ALONE"

// echo repeats in an answer all that it was asked, as debugging proxies and some servers do.
func echo(status int, before string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("Location", "http://user:"+marker+"@127.0.0.1:1/x?X-Amz-Signature="+marker+"&X-Goog-Signature="+marker+"&sig="+marker)
		w.WriteHeader(status)
		fmt.Fprintf(w, "%s<Error><Code>Refused</Code><Message>%s http://%s%s", before, r.Method, r.Host, r.URL)
		_ = r.Header.Write(w)
		fmt.Fprint(w, "</Message></Error>")
	}
}

// TestCredentials has stores fail in all ways while they know credentials, and looks for these in the errors.
func TestCredentials(t *testing.T) {
	if os.Getenv(alone) == "" { // the libraries keep the first settings they see, which are no good for other tests
		command := exec.Command(os.Args[0], "-test.run=^TestCredentials$", "-test.v")
		command.Env = append(os.Environ(), alone+"=yes")
		if said, err := command.CombinedOutput(); err != nil || !bytes.Contains(said, []byte("--- PASS: TestCredentials")) {
			t.Errorf("%v: %s", err, said)
		}
		return
	}
	former := objects.DefaultPatience
	objects.DefaultPatience = objects.Patience{Answer: time.Second}
	defer func() { objects.DefaultPatience = former }()
	var logged bytes.Buffer
	log.SetOutput(&logged)
	defer log.SetOutput(io.Discard)
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "aws/" + marker, "AWS_SESSION_TOKEN": "token/" + marker + "==", "AWS_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
		"AZURE_STORAGE_ACCOUNT": "account", "AZURE_STORAGE_KEY": "", "AZURE_STORAGE_SAS_TOKEN": "sv=2024-01-01&sr=c&sp=rwl&sig=sas%2F" + marker + "%3D",
		"HTTP_PROXY": "http://user:proxy" + marker + "@127.0.0.1:1",
	} {
		t.Setenv(name, value)
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	ended := make(chan struct{})
	hosts := map[string]string{"refused": strings.TrimPrefix(closed.URL, "http://"), "no such host": "nothing.invalid:1"}
	for what, handler := range map[string]http.HandlerFunc{
		"403": echo(http.StatusForbidden, ""), "404": echo(http.StatusNotFound, ""), "400": echo(http.StatusBadRequest, ""), "500": echo(http.StatusInternalServerError, ""),
		"redirected": echo(http.StatusTemporaryRedirect, ""), "bad XML": echo(http.StatusOK, "<<&"), "bad XML, 403": echo(http.StatusForbidden, "<<&"),
		"cut off": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "silent": func(http.ResponseWriter, *http.Request) { <-ended },
	} {
		server := httptest.NewServer(handler)
		defer server.Close()
		hosts[what] = strings.TrimPrefix(server.URL, "http://")
	}
	defer close(ended) // before the servers are
	for what, host := range hosts {
		t.Setenv("STORAGE_EMULATOR_HOST", host)
		for _, address := range []string{
			"s3://box/x?use_path_style=true&endpoint=" + url.QueryEscape("http://"+host),
			"azblob://box/x?protocol=http&localemu=true&domain=" + url.QueryEscape(host),
			"gs://box/x?anonymous=true",
		} {
			for operation, err := range everything(address) {
				if err == nil && what != "bad XML" { // which no one reads who writes
					t.Errorf("%s, %s, %s: no error", what, address, operation)
				}
				for _, text := range []string{fmt.Sprint(err), fmt.Sprintf("%+v", err), fmt.Sprintf("%q", err)} {
					if at := strings.Index(strings.ToLower(text), strings.ToLower(marker)); at >= 0 {
						t.Errorf("%s, %s, %s: a credential is in ...%s...", what, address, operation, text[max(0, at-200):at+len(marker)])
					}
				}
			}
		}
	}
	if strings.Contains(logged.String(), marker) {
		t.Errorf("a library logs %s", logged.String())
	}
	for _, address := range []string{"s3://box/x?secret_access_key=" + marker, "gs://box/x?token=" + marker, "azblob://box/x?sig=" + marker, "s3://box/x?region=a&session_token=" + marker, "gs://box/x?anonymous=" + marker} {
		if _, err := objects.Open(context.Background(), address); err == nil || strings.Contains(err.Error(), marker) || !strings.Contains(err.Error(), "do not belong in a URL") && !strings.Contains(address, "anonymous") {
			t.Errorf("%s gives %v", address, err)
		}
	}
}

// everything does everything that can be done with an object. Nothing of it should work.
func everything(address string) map[string]error {
	ctx, errs := context.Background(), map[string]error{}
	f, err := objects.Open(ctx, address)
	if err != nil {
		return map[string]error{"open": err}
	}
	defer f.Close() // nothing was written
	errs["list"] = f.List(ctx, func(objects.Object) error { return nil })
	_, errs["get"] = f.Get(ctx, "a")
	errs["put"] = f.Put(ctx, "a", strings.NewReader("x"), 1)
	_, err = f.Open(ctx, objects.Object{Name: "a", Size: 9}).ReadAt(make([]byte, 9), 0)
	errs["read"] = err
	return errs
}
