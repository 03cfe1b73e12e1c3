package layers

// Floors of the house. A package imports packages of lower floors; packages of its own floor only
// where sideways says so.
const (
	leaves       = iota // internal/...: nothing of fovea
	common              // how a feature came to be, as data
	ground              // TensorFlow, pixels, object stores, vectors
	machinery           // stages, datasets, graphs, mathematics
	assembly            // machinery put together: inputs, models, training
	jobs                // what a command does
	application         // terminals and flags; the machine
	commands            // flags, validation, one call, printing
	unrestricted        // tools and tests of the whole
)

// floors has every package of the module, without the module's name.
var floors = map[string]int{
	"internal/budget": leaves, "internal/disk": leaves, "internal/finite": leaves, "internal/hdf5": leaves, "internal/labeltable": leaves, "internal/lazy": leaves, "internal/libtensorflow": leaves, "internal/lockfile": leaves, "internal/mapped": leaves, "internal/figure": leaves, "internal/look": leaves,
	"internal/metrics": leaves, "internal/output": leaves, "internal/redact": leaves, "internal/samples": leaves, "internal/scratch": leaves,
	"internal/seal": leaves, "internal/spelling": leaves, "internal/swap": leaves, "internal/text": leaves, "internal/typo": leaves, "internal/web": leaves, "internal/wrongclock": leaves,
	"featurestore/internal/guard": leaves, "featurestore/internal/storetest": leaves, "picture/internal/jpeg": leaves, "picture/internal/jpegls": leaves, "picture/internal/kernel": leaves, "picture/internal/plain": leaves, "picture/internal/picturetest": leaves,
	"picture/internal/boxes": leaves, "picture/internal/fault": leaves, "picture/internal/codec": leaves, "picture/internal/heif": leaves, "picture/internal/jpeg2000": leaves, "picture/internal/dicom": leaves, "picture/internal/jpegxl": leaves, "picture/internal/tiff": leaves,

	"preprocessing": common, "recipe": common,

	"inference": ground, "picture": ground, "picture/frames": ground, "picture/tiles": ground, "vectors": ground, "vectors/umap": ground, "projection": ground, "scatterplot": ground,
	"objects": ground, "objects/drivers": ground, "objects/drivers/s3": ground,

	"pipeline": machinery, "head": machinery, "contactsheet": machinery,
	"featurestore": machinery, "featurestore/export": machinery, "featurestore/imagetable": machinery, "featurestore/remote": machinery,
	"vgg": machinery, "vgg/imagenet": machinery, "vgg/weights": machinery, "savedmodel": machinery, "convolution": machinery,

	"inputs": assembly, "featurestore/explore": assembly, "models": assembly, "training": assembly, "servable": assembly, "report": assembly,

	"extraction": jobs, "finetuning": jobs, "serving": jobs,

	"app/cli": application, "app/doctor": application, "app/explorer": application, "app/explorer/labeling": application,

	"cmd/extract": commands, "cmd/finetune": commands,

	"internal/amxtest": unrestricted, "internal/crashtest": unrestricted, "internal/s3test": unrestricted, "internal/trials": unrestricted, "app/cli/clitest": unrestricted, // for tests alone
	"internal/layers": unrestricted, "cmd": unrestricted, "docs": unrestricted, "scripts": unrestricted, // tests
	"scripts/alternate": unrestricted, "scripts/bind": unrestricted, "scripts/explorershot": unrestricted, "scripts/peerdata": unrestricted, "scripts/sbom": unrestricted, "vgg/imagenet/convert": unrestricted, "internal/libtensorflow/generate": unrestricted, // tools
}

// sideways are the imports within a floor.
var sideways = map[string][]string{
	"app/explorer":                {"app/explorer/labeling"},
	"internal/budget":             {"internal/text"},
	"internal/figure":             {"internal/lazy", "internal/look", "internal/spelling"},
	"internal/hdf5":               {"internal/budget"},
	"internal/look":               {"internal/spelling"},
	"internal/text":               {"internal/spelling"},
	"internal/labeltable":         {"internal/budget", "internal/lazy", "internal/spelling", "internal/text", "internal/typo"},
	"featurestore/internal/guard": {"internal/budget"},
	"internal/web":                {"internal/typo"},
	"internal/mapped":             {"internal/disk"},
	"internal/output":             {"internal/disk"},
	"internal/redact":             {"internal/lazy"},
	"internal/seal":               {"internal/lazy"},
	"internal/swap":               {"internal/disk", "internal/lockfile", "internal/output"},
	"picture/internal/boxes":      {"picture/internal/fault"},
	"picture/internal/codec":      {"picture/internal/fault"},
	"picture/internal/dicom":      {"picture/internal/fault"},
	"picture/internal/heif":       {"picture/internal/boxes", "picture/internal/fault"},
	"picture/internal/jpeg":       {"picture/internal/fault", "picture/internal/kernel"},
	"picture/internal/jpeg2000":   {"picture/internal/boxes", "picture/internal/fault"},
	"picture/internal/jpegls":     {"picture/internal/fault"},
	"picture/internal/jpegxl":     {"picture/internal/boxes", "picture/internal/fault"},
	"picture/internal/plain":      {"internal/lazy", "picture/internal/fault"},
	"picture/internal/tiff":       {"picture/internal/fault"},
	"recipe":                      {"preprocessing"},
	"picture/frames":              {"picture"},
	"picture/tiles":               {"picture"},
	"vectors/umap":                {"vectors"},
	"objects/drivers":             {"objects", "objects/drivers/s3"},
	"objects/drivers/s3":          {"objects"},
	"featurestore/export":         {"featurestore"},
	"featurestore/remote":         {"featurestore"},
	"vgg":                         {"savedmodel", "vgg/weights"},
	"vgg/imagenet":                {"vgg/weights"},
}

// ignorant lists what packages must not know, directly or through others, though the floors would
// allow it.
var ignorant = map[string][]string{
	// Features, weights and networks are independent of where images come from.
	"vgg":        {"picture"},
	"savedmodel": {"picture"},
	"training":   {"picture", "pipeline", "featurestore", "head"},
	// A dataset stores what a recipe says without understanding it.
	"featurestore":        {"picture", "inference", "vectors", "projection"},
	"featurestore/export": {"picture", "inference"},
	// A report is made of numbers and finished plots.
	"report": {"picture", "pipeline", "featurestore", "inference"},
	// A head is mathematics on features.
	"head": {"picture", "inference"},
	// The graph that is served contains its model, wherever that came from.
	"servable":     {"vgg", "featurestore"},
	"contactsheet": {"vectors"},
	"inputs":       {"inference"},
	"extraction":   {"head"},
}

// Third-party libraries and the packages that may import them.
var reserved = map[string][]string{
	"github.com/galeone/tensorflow": {"inference", "savedmodel", "vgg", "convolution", "training", "servable"},
	"github.com/galeone/tfgo":       {"vgg"},
	"github.com/apache/arrow":       {"featurestore", "featurestore/imagetable", "featurestore/internal/guard"},
	"github.com/spf13/cobra":        {"app/cli", "app/cli/clitest", "cmd/extract", "cmd/finetune"},
	"github.com/spf13/pflag":        {"app/cli", "app/cli/clitest", "cmd/extract", "cmd/finetune"},
	"gocloud.dev":                   {"objects", "objects/drivers", "objects/drivers/s3"},
}

// free lists, for a library, the packages below the jobs that must not depend on it even through
// other packages.
var free = map[string][]string{
	"github.com/galeone/tensorflow": {
		"preprocessing", "recipe", "picture", "vectors", "vectors/umap", "projection", "scatterplot", "objects", "pipeline", "featurestore", "featurestore/export",
		"featurestore/imagetable", "featurestore/remote", "head", "contactsheet", "report", "inputs",
	},
	"github.com/apache/arrow": {
		"preprocessing", "recipe", "inference", "picture", "vectors", "vectors/umap", "projection", "scatterplot", "objects", "pipeline", "head", "contactsheet", "report",
		"vgg", "vgg/weights", "savedmodel", "convolution", "models", "training", "servable",
	},
}

// forTests are imported by tests only.
var forTests = []string{"internal/amxtest", "internal/crashtest", "internal/s3test", "internal/trials", "app/cli/clitest", "featurestore/internal/storetest", "picture/internal/picturetest"}
