package imagenet

import (
	"reflect"
	"testing"

	"fovea/vgg/weights"
)

// The checksum that is written down is that of the file.
func TestSum(t *testing.T) {
	want, err := weights.ParseSafetensors(vgg16)
	if err != nil {
		t.Fatal(err)
	}
	got, err := VGG16()
	if err != nil || got.SHA256 != want.SHA256 || !reflect.DeepEqual(got, want) {
		t.Errorf("the SHA-256 is %s, written down is %s; %v", want.SHA256, got.SHA256, err)
	}
}
