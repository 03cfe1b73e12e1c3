"""Fine-tuning VGG16's block 5 with PyTorch: the frozen blocks' output is computed once, a plain
loop trains the rest with Adam, in channels-last order, which is the faster one on CPUs."""

import time

import torch
import torchvision

import training


def layers(options, classes):
    """Block 5 of torchvision's VGG16, an average over positions and a layer of logits."""
    block = torchvision.models.vgg16(weights=None).features[24:]
    convolutions = [layer for layer in block if isinstance(layer, torch.nn.Conv2d)]
    head = torch.nn.Linear(512, classes)
    with torch.no_grad():
        for layer, (kernel, bias) in zip(convolutions, training.block5(options.weights), strict=True):
            layer.weight.copy_(torch.from_numpy(kernel).permute(3, 2, 0, 1))
            layer.bias.copy_(torch.from_numpy(bias))
        head.weight.zero_()
        head.bias.zero_()
    model = torch.nn.Sequential(block, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), head)
    return model.to(memory_format=torch.channels_last)


def tensors(values, classes):
    """Values in PyTorch's order of dimensions; in memory they stay as they are, channels last."""
    return torch.from_numpy(values).permute(0, 3, 1, 2), torch.from_numpy(classes)


def train(model, optimizer, x, y, batch):
    """One pass in a random order. Returns its mean loss."""
    model.train()
    total = 0.0
    for rows in torch.randperm(len(x)).split(batch):
        optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    return total / len(x)


@torch.inference_mode()
def measure(model, x, y, batch):
    """The mean loss of examples that are not trained on."""
    model.eval()
    losses = [torch.nn.functional.cross_entropy(model(a), b, reduction="sum") for a, b in zip(x.split(batch), y.split(batch), strict=True)]
    return sum(loss.item() for loss in losses) / len(x)


def main():
    options = training.arguments()
    learned, measured, classes = training.examples(options)
    (x, y), validation = tensors(*learned), tensors(*measured)
    model = layers(options, classes)
    optimizer = torch.optim.Adam(model.parameters(), lr=options.learning_rate)
    called = torch.compile(model) if options.compile else model
    epochs = []
    for _ in range(options.epochs):
        begin = time.monotonic()
        loss = train(called, optimizer, x, y, options.batch)
        seconds = time.monotonic() - begin
        epochs.append({"seconds": seconds, "loss": loss, "val_loss": measure(called, *validation, options.batch)})
    training.report(epochs)


if __name__ == "__main__":
    main()
