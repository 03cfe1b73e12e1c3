package models

import (
	"context"
	"crypto/md5" // the publisher states it
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"fovea/internal/redact"
	"fovea/internal/typo"
	"fovea/internal/wrongclock"
	"fovea/preprocessing"
)

// Published are weights that a publisher offers for download.
type Published struct {
	// Name is the name to fetch them by.
	Name string
	// Configuration is the name of their network's vgg.Configuration.
	Configuration string
	URL           string
	// MD5 is the publisher's checksum in hex. Publishers who state the beginning of a SHA-256 instead have
	// SHA256.
	MD5, SHA256 string
	Description string
	// Preprocessing is what the publisher documents for them.
	Preprocessing preprocessing.Spec
}

const (
	keras = "https://storage.googleapis.com/tensorflow/keras-applications/"
	torch = "https://download.pytorch.org/models/"
)

// Catalogue lists the weights that can be fetched.
var Catalogue = []Published{
	{"vgg16", "vgg16", keras + "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels.h5", "64373286793e3c8b2b4e3219cbf3544b", "", "Keras, with the fully connected layers (553 MB)", preprocessing.Caffe},
	{"vgg16-notop", "vgg16", keras + "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", "6d6bbae143d832006294945121d1f1fc", "", "Keras, convolutions only (59 MB)", preprocessing.Caffe},
	{"vgg19", "vgg19", keras + "vgg19/vgg19_weights_tf_dim_ordering_tf_kernels.h5", "cbe5617147190e668d6c5d5026f83318", "", "Keras, with the fully connected layers (575 MB)", preprocessing.Caffe},
	{"vgg19-notop", "vgg19", keras + "vgg19/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5", "253f8cb515780f3b799900260a226db6", "", "Keras, convolutions only (80 MB)", preprocessing.Caffe},
	{"vgg11-torchvision", "vgg-a", torch + "vgg11-8a719046.pth", "", "8a719046", "torchvision (531 MB)", preprocessing.Torch},
	{"vgg13-torchvision", "vgg-b", torch + "vgg13-19584684.pth", "", "19584684", "torchvision (532 MB)", preprocessing.Torch},
	{"vgg16-torchvision", "vgg16", torch + "vgg16-397923af.pth", "", "397923af", "torchvision (553 MB)", preprocessing.Torch},
	{"vgg19-torchvision", "vgg19", torch + "vgg19-dcbb9e9d.pth", "", "dcbb9e9d", "torchvision (575 MB)", preprocessing.Torch},
	{"vgg11-bn-torchvision", "vgg-a", torch + "vgg11_bn-6002323d.pth", "", "6002323d", "torchvision, with batch normalization (531 MB)", preprocessing.Torch},
	{"vgg13-bn-torchvision", "vgg-b", torch + "vgg13_bn-abd245e5.pth", "", "abd245e5", "torchvision, with batch normalization (532 MB)", preprocessing.Torch},
	{"vgg16-bn-torchvision", "vgg16", torch + "vgg16_bn-6c64b313.pth", "", "6c64b313", "torchvision, with batch normalization (553 MB)", preprocessing.Torch},
	{"vgg19-bn-torchvision", "vgg19", torch + "vgg19_bn-c79401a0.pth", "", "c79401a0", "torchvision, with batch normalization (575 MB)", preprocessing.Torch},
	{"vgg16-features-torchvision", "vgg16", torch + "vgg16_features-amdegroot-88682ab5.pth", "", "88682ab5", "torchvision's IMAGENET1K_FEATURES (528 MB)", preprocessing.TorchFeatures},
}

// FindPublished finds weights in the catalogue.
func FindPublished(name string) (Published, error) {
	i := slices.IndexFunc(Catalogue, func(p Published) bool { return p.Name == name })
	if i < 0 {
		var names []string
		for _, p := range Catalogue {
			names = append(names, p.Name)
		}
		return Published{}, fmt.Errorf("models: no weights named %q can be fetched%s: there are %s", name, typo.Hint(name, names), strings.Join(names, ", "))
	}
	return Catalogue[i], nil
}

// publishedAs finds the file in the catalogue by its checksum. MD5, which takes a while, is computed only
// where nothing else identifies the weights.
func publishedAs(file, sha256 string, identified bool) (Published, bool, error) {
	md5Sum := ""
	for _, p := range Catalogue {
		switch {
		case p.SHA256 != "" && strings.HasPrefix(sha256, p.SHA256):
			return p, true, nil
		case p.MD5 == "" || identified:
			continue
		}
		if md5Sum == "" {
			var err error
			if md5Sum, err = sumOf(file, md5.New()); err != nil { // the publisher states it
				return Published{}, false, err
			}
		}
		if md5Sum == p.MD5 {
			return p, true, nil
		}
	}
	return Published{}, false, nil
}

// sumOf is the hex checksum of a file.
func sumOf(name string, sum hash.Hash) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("models: %w", err)
	}
	defer file.Close() // read-only
	if _, err := io.Copy(sum, file); err != nil {
		return "", fmt.Errorf("models: %s: %w", name, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// ErrChecksum says that what was downloaded is not what the publisher offers.
var ErrChecksum = errors.New("the checksum is wrong")

// Fetch downloads published weights into dir and returns the file. A complete file is not fetched again, and
// an interrupted download continues where it stopped. Proxies are taken from the environment. Progress, if
// set, is called with the bytes that are there and their total number (-1: unknown).
func Fetch(ctx context.Context, p Published, dir string, progress func(done, total int64)) (string, error) {
	target := filepath.Join(dir, path.Base(p.URL))
	if _, err := os.Stat(target); err == nil {
		return target, p.verify(target)
	}
	if err := makeCache(dir); err != nil {
		return "", err
	}
	partial := target + ".partial"
	if err := p.download(ctx, partial, progress); err != nil {
		err = redact.Known(os.Environ(), p.URL).Error(wrongclock.Explain(err)) // of a proxy, or of where the server sent us
		return "", fmt.Errorf("models: fetch %s: %w: run it again to continue, or download the file elsewhere and use extract model import", p.URL, err)
	}
	if err := p.verify(partial); err != nil {
		// Continuing from it would not make it right.
		return "", errors.Join(err, os.Remove(partial))
	}
	if err := os.Rename(partial, target); err != nil {
		return "", fmt.Errorf("models: %w", err)
	}
	return target, nil
}

func (p Published) download(ctx context.Context, partial string, progress func(done, total int64)) (err error) {
	file, err := os.OpenFile(partial, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	done, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	response, err := p.request(ctx, done)
	if err != nil {
		return err
	}
	defer response.Body.Close() // read to its end, or given up on
	switch response.StatusCode {
	case http.StatusPartialContent:
	case http.StatusRequestedRangeNotSatisfiable: // all of it is there
		return nil
	case http.StatusOK: // from the beginning, whether requested or not
		if err := file.Truncate(0); err != nil {
			return err
		}
		if done, err = file.Seek(0, io.SeekStart); err != nil {
			return err
		}
	default:
		return fmt.Errorf("the server answered %s", response.Status)
	}
	total := int64(-1)
	if response.ContentLength >= 0 {
		total = done + response.ContentLength
	}
	_, err = io.Copy(file, &meteredReader{response.Body, done, total, progress})
	return errors.Join(err, file.Sync()) // before it gets its name
}

// request asks for the file from a byte on.
func (p Published) request(ctx context.Context, from int64) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL, nil)
	if err != nil {
		return nil, err
	}
	if from > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	return http.DefaultClient.Do(request)
}

type meteredReader struct {
	io.Reader
	done, total int64
	progress    func(done, total int64)
}

func (r *meteredReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.done += int64(n)
	if r.progress != nil {
		r.progress(r.done, r.total)
	}
	return n, err
}

// verify compares a file with the publisher's checksum.
func (p Published) verify(name string) error {
	var sum hash.Hash = md5.New() // the publisher states it
	want := p.MD5
	if want == "" {
		sum, want = sha256.New(), p.SHA256
	}
	got, err := sumOf(name, sum)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(got, want) || want == "" {
		return fmt.Errorf("models: %s: %w: it is %s, but %s states %s; remove the file and fetch it again", name, ErrChecksum, got, p.URL, want)
	}
	return nil
}
