"""PyTorch: a Dataset of Pillow's pixels, DataLoader with one worker a core, torchvision's
VGG16 features in channels-last order."""

import os

import torch
import torchvision
from safetensors.numpy import load_file

import common


class Photos(torch.utils.data.Dataset):
    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return torch.from_numpy(common.pixels(self.paths[index])).permute(2, 0, 1)


def main():
    options = common.arguments()
    names = common.photos(options.photos)
    weights = load_file(options.weights)
    layers = sorted({name.split("/")[0] for name in weights})
    model = torchvision.models.vgg16(weights=None).features.eval()
    convolutions = [layer for layer in model if isinstance(layer, torch.nn.Conv2d)]
    with torch.no_grad():
        for layer, name in zip(convolutions, layers, strict=True):
            kernel = torch.from_numpy(weights[f"{name}/kernel"].astype("float32"))
            layer.weight.copy_(kernel.permute(3, 2, 0, 1))
            layer.bias.copy_(torch.from_numpy(weights[f"{name}/bias"].astype("float32")))
    model = model.to(memory_format=torch.channels_last)
    loader = torch.utils.data.DataLoader(Photos(names), batch_size=common.BATCH, num_workers=os.cpu_count())
    features = []
    half = options.precision == "bfloat16"
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
        for batch in loader:
            out = model(batch.to(memory_format=torch.channels_last))
            features.append(out.permute(0, 2, 3, 1).flatten(1).float().numpy())
    common.write(options.out, names, features)


if __name__ == "__main__":
    main()
