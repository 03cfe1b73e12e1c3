package objects

import "testing"

// The common spelling of a URL is that of itself.
func FuzzCanonical(f *testing.F) {
	for _, name := range []string{"s3://b/x", "s3://b/x/?region=a&endpoint=b", "s3://b/a%23b#c", "gs://b//x", "/a/b", "s3://b/%zz", "s3://b/a//", "s3://b/s3://"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		once := Canonical(name)
		if twice := Canonical(once); twice != once {
			t.Errorf("%q becomes %q, and that %q", name, once, twice)
		}
	})
}
