package savedmodel

import (
	"slices"
	"strings"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"fovea/inference"
)

// Every operation of the library is classified, once. A newer library has more: classify them.
func TestOperations(t *testing.T) {
	library, err := inference.Operations()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for _, group := range operationGroups {
		names := strings.Fields(group.names)
		if !slices.IsSorted(names) {
			t.Errorf("the names of %s are not sorted", group.kind)
		}
		for _, name := range names {
			if before, found := known[name]; found {
				t.Errorf("%s is in %s and in %s", name, before, group.kind)
			}
			known[name] = group.kind
			if library[name] == nil && strings.HasPrefix(tf.Version(), "2.18.") {
				t.Errorf("%s is no operation of TensorFlow %s", name, tf.Version())
			}
			if strings.HasPrefix(name, "_") && group.reach != reachInternal {
				t.Errorf("%s is not internal", name)
			}
		}
	}
	for _, name := range sortedKeys(library) {
		if known[name] == "" {
			t.Errorf("operation %s of TensorFlow %s is not classified: it is refused as unknown; %s", name, tf.Version(), library[name].GetSummary())
		}
	}
	if len(library) < 1700 {
		t.Errorf("the library has %d operations", len(library))
	}
}

// stateful are the operations that are pure although TensorFlow does not treat them as functions of
// their inputs: what they depend on or change is memory of the session. Each was looked at.
var stateful = strings.Fields(`
	AnonymousHashTable AnonymousMutableDenseHashTable AnonymousMutableHashTable AnonymousMutableHashTableOfTensors Assert
	AssignAddVariableOp AssignSubVariableOp AssignVariableOp Case CheckNumerics CheckNumericsV2 CudnnRNN CudnnRNNBackprop
	CudnnRNNBackpropV2 CudnnRNNBackpropV3 CudnnRNNV2 CudnnRNNV3 DeviceIndex DisableCopyOnRead Empty GuaranteeConst HashTable
	HashTableV2 If InitializeTableV2 LookupTableExportV2 LookupTableFindV2 LookupTableImportV2 LookupTableInsertV2
	LookupTableRemoveV2 LookupTableSizeV2 Multinomial MutableDenseHashTable MutableDenseHashTableV2 MutableHashTable
	MutableHashTableOfTensors MutableHashTableOfTensorsV2 MutableHashTableV2 NonDeterministicInts ParameterizedTruncatedNormal
	Print PrintV2 RandomCrop RandomGamma RandomPoisson RandomPoissonV2 RandomShuffle RandomStandardNormal RandomUniform
	RandomUniformInt ReadVariableOp ResourceCountUpTo ResourceGather ResourceGatherNd ResourceScatterAdd ResourceScatterDiv
	ResourceScatterMax ResourceScatterMin ResourceScatterMul ResourceScatterNdAdd ResourceScatterNdMax ResourceScatterNdMin
	ResourceScatterNdSub ResourceScatterNdUpdate ResourceScatterSub ResourceScatterUpdate ResourceStridedSliceAssign
	RngReadAndSkip RngSkip SampleDistortedBoundingBox SampleDistortedBoundingBoxV2 Stack StackCloseV2 StackPopV2 StackPushV2
	StackV2 StatefulPartitionedCall StatefulRandomBinomial StatefulStandardNormal StatefulStandardNormalV2
	StatefulTruncatedNormal StatefulUniform StatefulUniformFullInt StatefulUniformInt StatelessRandomGetAlg TemporaryVariable
	TensorArray TensorArrayCloseV3 TensorArrayConcatV3 TensorArrayGatherV3 TensorArrayGrad TensorArrayGradV2 TensorArrayGradV3
	TensorArrayGradWithShape TensorArrayReadV3 TensorArrayScatterV3 TensorArraySizeV3 TensorArraySplitV3 TensorArrayV2
	TensorArrayV3 TensorArrayWriteV3 TruncatedNormal VarHandleOp VarIsInitializedOp Variable VariableShape VariableV2 While
	XlaCallModule XlaDequantize XlaIf XlaWhile`)

// An operation is pure because it has no state, or because somebody has looked at it. Names that
// speak of files and the like are not pure, whatever TensorFlow says of their state: ReadFile has
// none there.
func TestPureOperations(t *testing.T) {
	library, err := inference.Operations()
	if err != nil {
		t.Fatal(err)
	}
	suspicious := []string{"File", "Save", "Restore", "Py", "Rpc", "Dataset", "Iterator", "Reader", "Queue", "Summary", "Debug", "Collective", "Nccl", "TPU", "Host", "Sql", "Record", "Writer", "Custom", "Barrier", "Device", "Send", "Recv", "Launch", "Dump", "Session"}
	harmless := []string{"DeviceIndex", "HostConst", "XlaOptimizationBarrier"}
	pureOnes := 0
	for name, definition := range library {
		if reachOf(name) != pure {
			continue
		}
		pureOnes++
		if definition.GetIsStateful() && !slices.Contains(stateful, name) {
			t.Errorf("%s has state and is pure: look at it", name)
		}
		if slices.ContainsFunc(suspicious, func(part string) bool { return strings.Contains(name, part) }) && !slices.Contains(harmless, name) {
			t.Errorf("%s is pure", name)
		}
		for _, a := range slices.Concat(definition.GetInputArg(), definition.GetOutputArg()) {
			if strings.Contains(a.GetName(), "file") {
				t.Errorf("%s has an argument %s and is pure", name, a.GetName())
			}
		}
		for _, a := range definition.GetAttr() {
			if strings.Contains(a.GetName(), "file") || strings.Contains(a.GetName(), "url") || strings.HasSuffix(a.GetName(), "path") {
				t.Errorf("%s has an attribute %s and is pure", name, a.GetName())
			}
		}
	}
	t.Logf("%d of %d operations are pure", pureOnes, len(library))
	for _, name := range []string{"ReadFile", "WriteFile", "MatchingFiles", "ImmutableConst", "PyFuncStateless", "RestoreV2", "SaveV2", "InitializeTableFromTextFileV2", "DebugIdentity", "XlaCustomCallV2"} {
		if reachOf(name) == pure {
			t.Errorf("%s is pure", name)
		}
	}
	if reachOf("_Anything") != reachInternal || reachOf("Anything") != reachUnknown {
		t.Error("operations that are not in the table")
	}
}
