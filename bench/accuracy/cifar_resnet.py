"""ResNet-20 by the recipe cifar-resnet in PyTorch 2.13, on the pixels that Fovea decodes: the other side of the table of
accuracies. Same data, network, initial distributions, changes to the images, batches, schedule; other random numbers.

    npx tsx bench/accuracy/pixels.ts <folder with train and test> pixels.safetensors
    python3 bench/accuracy/cifar_resnet.py pixels.safetensors --epochs 15 --seeds 0 1 2
    npx fovea train <folder> --recipe cifar-resnet --epochs 15 --seed 0        (the same here)

Prints one line of JSON per epoch and, for each seed, the accuracy on the test part after the last epoch.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

BATCH, LR, MOMENTUM, DECAY = 128, 0.1, 0.9, 1e-4
MILESTONES, GAMMA = (0.5, 0.75), 0.1
PADDING = 4
DTYPES = {"U8": np.uint8, "I32": np.int32}


def read(path):
    """A safetensors file as tensors by name."""
    content = Path(path).read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        first, last = (start + offset for offset in entry["data_offsets"])
        values = np.frombuffer(content[first:last], DTYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(values.copy())
    return tensors


class Block(nn.Module):
    """He et al. 2016: two convolutions and shortcut A, the further channels behind."""

    def __init__(self, inner, outer, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outer)
        self.conv2 = nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outer)
        self.stride, self.more = stride, outer - inner

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more)))


def resnet(depth, classes):
    layers, inner = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for stage, outer in enumerate((16, 32, 64)):
        for index in range((depth - 2) // 6):
            layers.append(Block(inner, outer, 2 if stage > 0 and index == 0 else 1))
            inner = outer
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inner, classes))
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return net


def changed(x, generator):
    """Random crop out of a frame of zeros, which are the mean colour, and flip, for each image its own."""
    N, C, H, W = x.shape
    down, right = torch.randint(0, 2 * PADDING + 1, (2, N, 1), generator=generator)
    row, column = down + torch.arange(H), right + torch.arange(W)
    flip = torch.rand(N, 1, generator=generator) < 0.5
    column = torch.where(flip, column.flip(1), column)
    padded = F.pad(x, (PADDING,) * 4)
    image = torch.arange(N)[:, None, None]
    return padded.permute(0, 2, 3, 1)[image, row[:, :, None], column[:, None, :]].permute(0, 3, 1, 2).contiguous()


def train(data, seed, epochs):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    pixels = data["images"].double()
    scale = 255.0
    mean = (pixels.mean((0, 2, 3)) / scale).float()[:, None, None]
    std = (pixels.std((0, 2, 3), correction=0) / scale).float()[:, None, None]
    del pixels

    def prepared(images):
        return (images.float() / scale - mean) / std

    images, labels = data["images"], data["labels"].long()
    net = resnet(20, int(labels.max()) + 1).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=LR, momentum=MOMENTUM, weight_decay=DECAY)
    per_epoch = len(images) // BATCH
    milestones = [round(share * epochs * per_epoch) for share in MILESTONES]
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, GAMMA)
    begun = time.perf_counter()
    for epoch in range(epochs):
        net.train()
        order, total = torch.randperm(len(images), generator=generator), 0.0
        for step in range(per_epoch):
            index = order[step * BATCH : (step + 1) * BATCH]
            x = changed(prepared(images[index]), generator).to(memory_format=torch.channels_last)
            loss = F.cross_entropy(net(x), labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        seconds = round(time.perf_counter() - begun, 1)
        print(json.dumps({"seed": seed, "epoch": epoch + 1, "loss": total / per_epoch, "seconds": seconds}), flush=True)
    net.eval()
    right = 0
    with torch.no_grad():
        for x, y in zip(data["testImages"].split(500), data["testLabels"].long().split(500)):
            right += int((net(prepared(x)).argmax(1) == y).sum())
    return right / len(data["testLabels"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pixels")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    data = read(options.pixels)
    for seed in options.seeds:
        accuracy = train(data, seed, options.epochs)
        print(json.dumps({"seed": seed, "epochs": options.epochs, "testAccuracy": accuracy}), flush=True)


if __name__ == "__main__":
    main()
