// Command finetune trains a classifier head on extracted features, measures it, and predicts
// the classes of new images. It also finds wrong labels, and trains networks themselves.
//
// Usage:
//
//	finetune train    --features DIR --out HEAD [flags]
//	finetune evaluate --head HEAD --features DIR [flags]
//	finetune report   --head HEAD --features DIR --out DIR [flags]
//	finetune suspects --features DIR [flags]
//	finetune audit    --features DIR [flags]
//	finetune predict  --head HEAD [flags] IMAGES...|--features DIR
//	finetune serve    --head HEAD [flags]
//	finetune export   --head HEAD --out DIR [flags] [IMAGES...]
//	finetune scratch  --images DIR --out DIR [flags]
//	finetune compare  --images DIR --out DIR [flags]
package main
