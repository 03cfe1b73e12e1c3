//go:build !nocloud

package drivers

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	azure "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"gocloud.dev/blob"
	"gocloud.dev/blob/azureblob"

	"fovea/objects"
)

func init() {
	objects.Register(azureblob.Scheme, objects.Dialect{
		Odd:     "\"#%?\\",
		Under:   azureUnder,
		Listed:  azureListed,
		Read:    azureRead,
		Delete:  azureDelete,
		Tag:     func(a *blob.Attributes) string { return a.ETag },
		Replace: azureReplace,
	})
}

func azureUnder(as func(any) bool, prefix string) {
	var options *container.ListBlobsHierarchyOptions
	if as(&options) {
		options.Prefix, options.Include.Metadata = &prefix, true
	}
}

// azureListed recognizes folders of accounts with a hierarchical namespace, which do not end with a
// slash.
func azureListed(o *blob.ListObject) (key, tag string, folder bool) {
	var item container.BlobItem
	if !o.As(&item) || item.Name == nil {
		return o.Key, "", o.IsDir
	}
	if p := item.Properties; p != nil {
		folder = value(p.ResourceType) == "directory"
		if p.ETag != nil {
			tag = string(*p.ETag)
		}
	}
	for name, v := range item.Metadata {
		folder = folder || (name == "hdi_isfolder" || name == "Hdi_isfolder") && value(v) == "true"
	}
	return *item.Name, tag, folder
}

// azureRead bypasses blob, which cannot take an object's own name.
func azureRead(ctx context.Context, b objects.Bucket, key, tag string, from, length int64) (objects.Part, error) {
	options := &azure.DownloadStreamOptions{Range: azure.HTTPRange{Offset: from, Count: max(length, 0)}, AccessConditions: azureCondition(tag)}
	r, err := azureClient(b).NewBlobClient(key).DownloadStream(ctx, options)
	if err != nil {
		return objects.Part{}, azureError(err)
	}
	part := objects.Part{ReadCloser: r.Body, Size: sizeOf(r.ContentLength, r.ContentRange)}
	if length == 0 {
		part.ReadCloser = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(r.Body, 0), r.Body}
	}
	if r.LastModified != nil {
		part.Modified = *r.LastModified
	}
	if r.ETag != nil {
		part.Tag = string(*r.ETag)
	}
	return part, nil
}

func azureDelete(ctx context.Context, b objects.Bucket, key, tag string) error {
	_, err := azureClient(b).NewBlobClient(key).Delete(ctx, &azure.DeleteOptions{AccessConditions: azureCondition(tag)})
	return azureError(err)
}

func azureReplace(as func(any) bool, tag string) {
	var options *azblob.UploadStreamOptions
	if as(&options) {
		options.AccessConditions = azureCondition(tag)
	}
}

func azureClient(b objects.Bucket) *container.Client {
	var client *container.Client
	b.As(&client)
	return client
}

func azureCondition(tag string) *azure.AccessConditions {
	if tag == "" {
		return nil
	}
	etag := azcore.ETag(tag)
	return &azure.AccessConditions{ModifiedAccessConditions: &azure.ModifiedAccessConditions{IfMatch: &etag}}
}

func azureError(err error) error {
	var refusal *azcore.ResponseError
	if errors.As(err, &refusal) {
		return answer{err, refusal.StatusCode, refusal.ErrorCode}
	}
	return err
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// sizeOf is the size of the whole object in a response with a part of it.
func sizeOf(length *int64, contentRange *string) int64 {
	_, whole, found := strings.Cut(value(contentRange), "/")
	if size, err := strconv.ParseInt(whole, 10, 64); found && err == nil {
		return size
	}
	if length == nil {
		return 0
	}
	return *length
}
