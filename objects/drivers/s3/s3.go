package s3

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"

	"fovea/objects"
)

func init() {
	objects.Register(s3blob.Scheme, objects.Dialect{
		Check:   check,
		Under:   under,
		Listed:  listed,
		Read:    read,
		Delete:  remove,
		Tag:     func(a *blob.Attributes) string { return a.ETag },
		Replace: replace,
	})
}

// errRegion is what the provider's library says only after all its attempts, as "Invalid region".
var errRegion = errors.New("no region is known: set AWS_REGION, or add ?region=REGION to the URL")

func check(b objects.Bucket) error {
	var client *s3.Client
	if !b.As(&client) {
		return nil
	}
	options := client.Options()
	if options.Region == "" {
		return errRegion
	}
	if server := aws.ToString(options.BaseEndpoint); server != "" && !objects.IsServer(server) {
		return fmt.Errorf("%s is not the address of a server: set it to one such as http://127.0.0.1:9000, or unset it", setting(server))
	}
	return nil
}

// setting is the name of what holds the address of a server. Its value is not shown; it may hold a password.
func setting(server string) string {
	for _, name := range []string{"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"} {
		if os.Getenv(name) == server {
			return name
		}
	}
	return "endpoint_url in the profile"
}

func under(as func(any) bool, prefix string) {
	var in *s3.ListObjectsV2Input
	if as(&in) && prefix != "" {
		in.Prefix = &prefix
	}
}

func listed(o *blob.ListObject) (key, tag string, folder bool) {
	var object types.Object
	if !o.As(&object) {
		return o.Key, "", o.IsDir
	}
	return aws.ToString(object.Key), aws.ToString(object.ETag), false
}

func read(ctx context.Context, b objects.Bucket, key, tag string, from, length int64) (objects.Part, error) {
	r, err := b.NewRangeReader(ctx, key, from, length, &blob.ReaderOptions{BeforeRead: func(as func(any) bool) error {
		var in *s3.GetObjectInput
		if as(&in) {
			in.Key, in.IfMatch = &key, condition(tag)
		}
		var options *[]func(*s3.Options)
		if as(&options) { // not to be told of every server without checksums
			*options = append(*options, func(o *s3.Options) { o.DisableLogOutputChecksumValidationSkipped = true })
		}
		return nil
	}})
	if err != nil {
		return objects.Part{}, err
	}
	part := objects.Part{ReadCloser: r, Size: r.Size(), Modified: r.ModTime()}
	var out s3.GetObjectOutput
	if r.As(&out) {
		part.Tag = aws.ToString(out.ETag)
	}
	return part, nil
}

// remove goes without blob, which asks for the object first.
func remove(ctx context.Context, b objects.Bucket, key, tag string) error {
	var client *s3.Client
	if !b.As(&client) {
		return b.Bucket.Delete(ctx, key)
	}
	_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.Name, Key: &key, IfMatch: condition(tag)})
	return err
}

func replace(as func(any) bool, tag string) {
	var in *transfermanager.UploadObjectInput
	if as(&in) {
		in.IfMatch = condition(tag)
	}
}

// condition is nil for none.
func condition(tag string) *string {
	if tag == "" {
		return nil
	}
	return &tag
}
