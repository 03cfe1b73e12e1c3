"""Training with PyTorch in a plain loop, in channels-last order, which is the faster one on CPUs:
VGG16's block 5 with Adam, where the frozen blocks' output is computed once; or a VGG from random
weights with SGD, with a checkpoint after each epoch, from which the training could continue."""

import os
import time

import torch
import torchvision

import training


def block5(options, classes):
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
    return model, torch.optim.Adam(model.parameters(), lr=options.learning_rate)


def scratch(options, classes):
    """A VGG with random weights, down to a layer of logits."""
    layers, channels = [], 3
    for convolutions, filters in zip(training.CONFIGURATIONS[options.config], training.FILTERS, strict=True):
        for _ in range(convolutions):
            layers += [torch.nn.Conv2d(channels, filters, 3, padding=1), torch.nn.ReLU(inplace=True)]
            channels = filters
        layers.append(torch.nn.MaxPool2d(2))
    layers.append(torch.nn.Flatten())
    units = channels * (options.size // 32) ** 2
    for _ in range(2):
        layers += [torch.nn.Linear(units, options.units), torch.nn.ReLU(inplace=True), torch.nn.Dropout(training.DROPOUT)]
        units = options.units
    model = torch.nn.Sequential(*layers, torch.nn.Linear(units, classes))
    for layer in model:
        if hasattr(layer, "weight"):
            torch.nn.init.xavier_uniform_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
    # The fused step is the faster one.
    return model, torch.optim.SGD(model.parameters(), lr=options.learning_rate, momentum=training.MOMENTUM, fused=True)


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


def save(model, optimizer, directory):
    """Replaces the checkpoint in the directory."""
    os.makedirs(directory, exist_ok=True)
    file = os.path.join(directory, "checkpoint.pt")
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file + ".partial")
    os.replace(file + ".partial", file)


def main():
    options = training.arguments()
    learned, measured, classes = training.examples(options)
    (x, y), validation = tensors(*learned), tensors(*measured)
    model, optimizer = (scratch if options.training == "scratch" else block5)(options, classes)
    model.to(memory_format=torch.channels_last)
    called = torch.compile(model) if options.compile else model
    epochs = []
    for _ in range(options.epochs):
        begin = time.monotonic()
        loss = train(called, optimizer, x, y, options.batch)
        seconds = time.monotonic() - begin
        epochs.append({"seconds": seconds, "loss": loss, "val_loss": measure(called, *validation, options.batch)})
        if options.training == "scratch":
            save(model, optimizer, options.out)
    training.report(epochs, sum(parameter.numel() for parameter in model.parameters()))


if __name__ == "__main__":
    main()
