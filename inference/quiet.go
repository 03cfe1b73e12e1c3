package inference

/*
#cgo LDFLAGS: -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

// TensorFlow logs partly through Abseil, whose level no environment variable sets. The
// setter is a C++ function inside libtensorflow_framework whose name carries the Abseil
// release; releases that it has not got are simply not found.
static int fovea_set_abseil_level(int level) {
	static const char *names[] = {
		"_ZN4absl12lts_2023080214SetMinLogLevelENS0_18LogSeverityAtLeastE",
		"_ZN4absl12lts_2023012514SetMinLogLevelENS0_18LogSeverityAtLeastE",
		"_ZN4absl12lts_2024011614SetMinLogLevelENS0_18LogSeverityAtLeastE",
		"_ZN4absl12lts_2024072214SetMinLogLevelENS0_18LogSeverityAtLeastE",
		"_ZN4absl12lts_2025012714SetMinLogLevelENS0_18LogSeverityAtLeastE",
		NULL,
	};
	for (int i = 0; names[i]; i++) {
		void (*set)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, names[i]);
		if (set) {
			set(level);
			return 1;
		}
	}
	return 0;
}
*/
import "C"

import (
	"os"
	"sync"
)

const levelError = 2 // in TensorFlow's and in Abseil's numbering

var quietOnce sync.Once

// Quiet keeps TensorFlow's information and warnings off standard error; its errors still
// come through. Call it before the first model is opened. A level that the user has set
// in TF_CPP_MIN_LOG_LEVEL is respected.
func Quiet() {
	quietOnce.Do(func() {
		if _, set := os.LookupEnv("TF_CPP_MIN_LOG_LEVEL"); set {
			return
		}
		os.Setenv("TF_CPP_MIN_LOG_LEVEL", "2") //nolint:errcheck // a constant, valid name
		C.fovea_set_abseil_level(levelError)
	})
}
