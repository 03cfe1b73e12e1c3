package savedmodel

import (
	"bytes"
	"fmt"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
)

// xlaLimits is what a version of TensorFlow can read of the modules that JAX exports: the newest
// version of the calling convention, as TensorFlow's Python reports it, and the newest StableHLO,
// found by loading modules of several versions.
type xlaLimits struct {
	convention   int64
	major, minor int
}

// xlaKnown are the limits that were tested, by prefix of TensorFlow's version.
var xlaKnown = map[string]xlaLimits{"2.18.": {convention: 9, major: 1, minor: 8}}

// checkXLA refuses modules that are newer than the library. TensorFlow loads them and then fails to
// compute with "Cannot deserialize computation".
func checkXLA(nodes []*nodepb.NodeDef) error {
	for prefix, limits := range xlaKnown {
		if !strings.HasPrefix(tf.Version(), prefix) {
			continue
		}
		for _, n := range nodes {
			if n.GetOp() != "XlaCallModule" {
				continue
			}
			if err := limits.check(n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x xlaLimits) check(n *nodepb.NodeDef) error {
	convention, version := n.GetAttr()["version"].GetI(), stableHLO(n.GetAttr()["module"].GetS())
	var major, minor int
	_, err := fmt.Sscanf(version, "%d.%d", &major, &minor)
	newer := err == nil && (major > x.major || major == x.major && minor > x.minor)
	if convention <= x.convention && !newer {
		return nil
	}
	if version == "" {
		version = "of an unknown version"
	}
	return fmt.Errorf("%w: %s is a module of JAX (XlaCallModule) of version %d with StableHLO %s, and TensorFlow %s reads up to version %d and StableHLO %d.%d: export it with an older JAX, with Keras's TensorFlow backend or with jax2tf and native_serialization=False, or use a newer libtensorflow (TENSORFLOW_DIR)",
		ErrFormat, withoutCalls(n.GetName()), convention, version, tf.Version(), x.convention, x.major, x.minor)
}

// stableHLO is the version that a module's bytecode names as its producer's, such as
// "StableHLO_v1.8.2"; empty if it names none.
func stableHLO(module []byte) string {
	const magic, producer = "ML\xefR", "StableHLO_v"
	rest, found := bytes.CutPrefix(module, []byte(magic))
	if !found || len(rest) == 0 {
		return ""
	}
	name, _, found := bytes.Cut(rest[1:], []byte{0}) // after the version of the bytecode
	version, named := bytes.CutPrefix(name, []byte(producer))
	if !found || !named || len(version) > 32 {
		return ""
	}
	return string(version)
}
