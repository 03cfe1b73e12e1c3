package inference

// #include "tensorflow/c/c_api.h"
import "C"

import (
	"fmt"
	"unsafe"

	oppb "github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	"google.golang.org/protobuf/proto"
)

// Operations are the definitions of all operations that the library has, by name.
func Operations() (map[string]*oppb.OpDef, error) {
	buffer := C.TF_GetAllOpList()
	if buffer == nil {
		return nil, fmt.Errorf("inference: the library does not list its operations")
	}
	defer C.TF_DeleteBuffer(buffer)
	list := new(oppb.OpList)
	if err := proto.Unmarshal(C.GoBytes(unsafe.Pointer(buffer.data), C.int(buffer.length)), list); err != nil {
		return nil, fmt.Errorf("inference: read the library's list of operations: %w", err)
	}
	all := make(map[string]*oppb.OpDef, len(list.GetOp()))
	for _, o := range list.GetOp() {
		all[o.GetName()] = o
	}
	return all, nil
}
