"""Deterministic numbers that Python and TypeScript (pattern.ts) compute bit for bit alike, so that benchmarks and
parity files start from the same weights and data without storing them. It knows nothing of torch or of models."""

import numpy as np


def words(count, stream):
    """`count` 32-bit words: the murmur3 finaliser of index and stream."""
    h = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(stream * 0x85EBCA77 & 0xFFFFFFFF)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h ^= h >> np.uint32(shift)
        h *= np.uint32(factor)
    return h ^ (h >> np.uint32(16))


def uniform(shape, stream, low=-1.0, high=1.0):
    """Float32 array in [low, high): 24 bits of each word, scaled in float64, rounded once."""
    unit = (words(int(np.prod(shape)), stream) >> np.uint32(8)).astype(np.float64) / 2.0**24
    return (low + (high - low) * unit).astype(np.float32).reshape(shape)


def integers(shape, stream, below):
    """Int64 array of numbers 0 … below − 1."""
    return (words(int(np.prod(shape)), stream) % np.uint32(below)).astype(np.int64).reshape(shape)
