"""The models of the benchmarks in PyTorch, with the weights that models.ts gives ours. torchvision is not needed: its
networks are written down here, with its keys. It knows nothing of what is measured."""

import numpy as np
import pattern
import torch
import torch.nn.functional as F
from torch import nn

# Batch is told by the work; shape of one input, classes, optimizer, weight decay, as in models.ts.
INPUTS = {
    "mlp": ((784,), 10, "sgd", 0),
    "cnn": ((1, 28, 28), 10, "sgd", 0),
    "resnet18": ((3, 32, 32), 10, "sgd", 1e-4),
    "resnet20": ((3, 32, 32), 10, "sgd", 1e-4),
    "resnet50": ((3, 224, 224), 1000, "sgd", 1e-4),
    "depthwise": ((32, 32, 32), 32, "sgd", 1e-4),
    "vit": ((3, 64, 64), 200, "adamw", 0.05),
}


def convolution(inner, outer, kernel, stride=1, groups=1):
    return nn.Conv2d(inner, outer, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)


class Pad(nn.Module):
    """Shortcut A of He et al.: every other pixel, and zeros behind the channels."""

    def __init__(self, more, stride):
        super().__init__()
        self.more, self.stride = more, stride

    def forward(self, x):
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))


class Basic(nn.Module):
    expansion = 1

    def __init__(self, inner, width, stride, downsample):
        super().__init__()
        self.conv1, self.bn1 = convolution(inner, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = convolution(width, width, 3), nn.BatchNorm2d(width)
        self.relu, self.downsample = nn.ReLU(inplace=True), downsample

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inner, width, stride, downsample):
        super().__init__()
        self.conv1, self.bn1 = convolution(inner, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = convolution(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = convolution(width, 4 * width, 1), nn.BatchNorm2d(4 * width)
        self.relu, self.downsample = nn.ReLU(inplace=True), downsample

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


class ResNet(nn.Module):
    def __init__(self, block, blocks, widths, classes, stem, pad):
        super().__init__()
        first = widths[0]
        self.conv1 = convolution(3, first, 3) if stem == "cifar" else convolution(3, first, 7, 2)
        self.bn1, self.relu = nn.BatchNorm2d(first), nn.ReLU(inplace=True)
        self.maxpool = nn.Identity() if stem == "cifar" else nn.MaxPool2d(3, 2, 1)
        channels, stages = first, []
        for stage, (width, count) in enumerate(zip(widths, blocks)):
            layers = []
            for i in range(count):
                stride, outer = 2 if stage and not i else 1, width * block.expansion
                shortcut = None
                if stride > 1 or channels != outer:
                    project = convolution(channels, outer, 1, stride), nn.BatchNorm2d(outer)
                    shortcut = Pad(outer - channels, stride) if pad else nn.Sequential(*project)
                layers.append(block(channels, width, stride, shortcut))
                channels = outer
            stages.append(nn.Sequential(*layers))
            setattr(self, f"layer{stage + 1}", stages[-1])
        self.stages = len(stages)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(x.mean((2, 3)))


class InvertedResidual(nn.Module):
    """The block of MobileNetV2, its output averaged over pixels: as many classes as channels."""

    def __init__(self, channels, expand):
        super().__init__()
        inner = channels * expand
        active = lambda made: nn.Sequential(made, nn.BatchNorm2d(inner), nn.ReLU6(inplace=True))  # noqa: E731
        self.conv = nn.Sequential(
            active(convolution(channels, inner, 1)),
            active(convolution(inner, inner, 3, groups=inner)),
            convolution(inner, channels, 1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x):
        return (x + self.conv(x)).mean((2, 3))


class VisionTransformer(nn.Module):
    """ViT-Tiny of patches of 8 x 8."""

    def __init__(self, size, classes):
        super().__init__()
        width = 192
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, (size // 8) ** 2 + 1, width))
        self.patch_embed = nn.Conv2d(3, width, 8, 8)
        options = {"dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True}
        layer = nn.TransformerEncoderLayer(width, 3, 768, **options)
        self.encoder = nn.TransformerEncoder(layer, 12, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, classes)

    def forward(self, images):
        patches = self.patch_embed(images).flatten(2).transpose(1, 2)
        token = self.cls_token.expand(len(images), -1, -1)
        return self.head(self.encoder(torch.cat((token, patches), 1) + self.pos_embed)[:, 0])


def make(model, stem, classes):
    if model == "mlp":
        return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))
    if model == "cnn":
        return nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10),
        )  # fmt: skip
    if model == "depthwise":
        return InvertedResidual(32, 6)
    if model == "vit":
        return VisionTransformer(64, classes)
    if model == "resnet20":
        return ResNet(Basic, (3, 3, 3), (16, 32, 64), classes, "cifar", pad=True)
    block, blocks = {"resnet18": (Basic, (2, 2, 2, 2)), "resnet50": (Bottleneck, (3, 4, 6, 3))}[model]
    return ResNet(block, blocks, (64, 128, 256, 512), classes, stem, pad=False)


def fill_plain(net):
    """Uniform within 1 / sqrt(fan in); a bias shares the bound of its weight."""
    for stream, layer in enumerate(layer for layer in net if hasattr(layer, "weight")):
        bound = 1 / np.sqrt(layer.weight[0].numel())
        for offset, value in enumerate((layer.weight, layer.bias)):
            value.copy_(torch.from_numpy(pattern.uniform(value.shape, 10 + 2 * stream + offset, -bound, bound)))


def fill_normalised(net):
    """By the kind and the place of each tensor; statistics and scales differ from 1 and 0, so that each one matters."""
    for index, (key, value) in enumerate(net.state_dict().items()):
        if key.endswith("num_batches_tracked"):
            continue
        if value.dim() > 1:
            high = np.sqrt((6 if value.dim() == 4 else 1) / value[0].numel())
            low = -high
        else:
            low, high = (-0.1, 0.1) if key.endswith(("bias", "mean")) else (0.5, 1.5)
        value.copy_(torch.from_numpy(pattern.uniform(value.shape, 10 + index, low, high)))


def build(model, classes=None, size=None):
    """A model as it is trained, or for `classes` and images of `size` pixels."""
    shape, trained, *_ = INPUTS[model]
    net = make(model, "cifar" if (size or shape[-1]) < 64 else "imagenet", classes or trained)
    with torch.no_grad():
        (fill_plain if model in ("mlp", "cnn") else fill_normalised)(net)
    return net
