package weights

import (
	"archive/zip"
	"fmt"
	"path"
	"strings"
)

// identifyZip distinguishes archives without usable weights from those that readZip knows.
func identifyZip(name string) (reader, error) {
	archive, err := zip.OpenReader(name)
	if err != nil {
		return nil, fmt.Errorf("%w: it is a ZIP archive, truncated or damaged: %w", ErrFormat, err)
	}
	defer archive.Close() // read-only
	if what := foreignZip(&archive.Reader); what != "" {
		return nil, fmt.Errorf("%w: it is %s", ErrFormat, what)
	}
	return readZip, nil
}

// foreignZip describes an archive by its members, "" for one of ours.
func foreignZip(archive *zip.Reader) string {
	for _, f := range archive.File {
		base := path.Base(f.Name)
		switch {
		case base == "constants.pkl":
			return "a TorchScript program, not a state dict: save torch.load(FILE).state_dict(), or torch.jit.load(FILE).state_dict(), with torch.save"
		case base == "archive_format", strings.HasSuffix(f.Name, "models/model.json"):
			return "a program of torch.export (.pt2), not a state dict: save torch.export.load(FILE).state_dict with torch.save"
		case base == "saved_model.pb":
			return "a ZIP archive of a TensorFlow SavedModel: unpack it and use its directory as a model (--model DIR)"
		case base == "[Content_Types].xml":
			return "an office document"
		case f.Name == "META-INF/MANIFEST.MF":
			return "a Java archive"
		case strings.HasSuffix(base, ".mlmodel"), base == "MAR-INF/":
			return "an archive of a deployed model: give the weights that it was made from"
		case weightsName(base):
			return "a ZIP archive with " + f.Name + " in it: unpack it and give that file"
		}
	}
	return ""
}

// weightsName recognizes names of weights files that are complete in themselves and are often
// zipped.
func weightsName(base string) bool {
	for _, ending := range []string{".caffemodel", ".onnx", ".h5", ".hdf5", ".safetensors", ".pth", ".mat", ".params", ".pdparams", ".ckpt", ".index"} {
		if strings.HasSuffix(base, ending) && base != kerasMember {
			return true
		}
	}
	return false
}
