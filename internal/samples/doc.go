// Package samples holds a few photographs, for checks of models that need real images wherever the
// program runs. testdata/photos/README.md names their authors and licences (CC0 and public domain);
// testdata/photos/make_samples.py made them.
//
// It knows the photographs and what they show. It must not know models.
package samples
