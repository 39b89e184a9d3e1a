"""Reproducible numbers for tests: the same integer hash as test/fixtures/hash-weights.ts, bit for bit."""
import numpy as np


def hash_text(text: str) -> int:
    """32-bit FNV-1a of the UTF-8 bytes."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def hash_integers(name: str, count: int) -> np.ndarray:
    """u32 numbers: the finaliser of MurmurHash3 over a Weyl sequence that starts at the name's hash."""
    with np.errstate(over="ignore"):
        x = np.uint32(hash_text(name)) + np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1)
        x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        return x ^ (x >> np.uint32(16))


def hash_uniform(name: str, count: int) -> np.ndarray:
    """f64 numbers in [-1,1) in steps of 2^-23."""
    return (hash_integers(name, count) >> np.uint32(8)) / 0x800000 - 1


def hash_input(name: str, dims: tuple[int, ...]) -> np.ndarray:
    """f32 network input, uniform in [-1,1)."""
    return hash_uniform(name, int(np.prod(dims))).astype(np.float32).reshape(dims)


def hash_weight(name: str, dims: tuple[int, ...]) -> np.ndarray:
    """f32 weights that keep activations about 1: norms 1 ± 0.2, biases ± 0.1, others with variance 1 / fan-in."""
    uniform = hash_uniform(name, int(np.prod(dims)))
    if len(dims) == 1:
        values = 1 + 0.2 * uniform if name.endswith(".weight") else 0.1 * uniform
    else:
        values = uniform * np.sqrt(3 / np.prod(dims[1:]))
    return values.astype(np.float32).reshape(dims)
