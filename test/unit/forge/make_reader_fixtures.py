"""Writes test/fixtures/forge/: weight files as the reference libraries write them, what they hold, and hostile pickles.

Run with torch 2.13.0 and safetensors 0.8.0: `python test/unit/forge/make_reader_fixtures.py`, from the repository's
root. (legacy.bin changes with every run: the old format numbers storages by their addresses.) readers.json holds, for every file, the tensors as the reference reads them back: shape, type and the f32 bits in base64.
hostile_pickles.json holds pickles (compressed with zlib) that must be refused; this script only writes them, it never loads one.
"""

import base64
import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict
from pathlib import Path

import safetensors.torch
import torch

OUT = Path(__file__).parents[2] / "fixtures" / "forge"
READABLE = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
# Zero of both signs, smallest subnormal, smallest normal, largest, a third: as bits, so that nothing rounds them.
EDGES = {
    torch.float32: (torch.int32, [0, -0x80000000, 1, 0x00800000, 0x7F7FFFFF, 0x3EAAAAAB]),
    torch.float16: (torch.int16, [0, -0x8000, 1, 0x0400, 0x7BFF, 0x3555]),
    torch.bfloat16: (torch.int16, [0, -0x8000, 1, 0x0080, 0x7F7F, 0x3EAB]),
}


def typed_tensors() -> dict[str, torch.Tensor]:
    tensors = {}
    for dtype, name in READABLE.items():
        tensors[f"{name}.random"] = torch.randn(3, 2, 5).to(dtype)
        integers, bits = EDGES[dtype]
        tensors[f"{name}.edges"] = torch.tensor(bits, dtype=torch.int64).to(integers).view(dtype)
        tensors[f"{name}.scalar"] = torch.tensor(-1.5, dtype=dtype)
        tensors[f"{name}.empty"] = torch.zeros(0, 4, dtype=dtype)
    for dtype in (torch.float64, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool):
        tensors[str(dtype).removeprefix("torch.")] = torch.ones(2, dtype=dtype)
    for dtype in (torch.float8_e4m3fn, torch.float8_e5m2, torch.uint16, torch.uint32, torch.uint64, torch.complex64):
        tensors[str(dtype).removeprefix("torch.")] = torch.ones(3).to(dtype)
    return tensors


def views() -> dict[str, torch.Tensor]:
    tensors = {}
    for dtype, name in READABLE.items():
        base = torch.randn(4, 3, 5, 6).to(dtype)
        tensors |= {
            f"{name}.base": base,
            f"{name}.permuted": base.permute(2, 0, 3, 1),
            f"{name}.transposed": base[1, 2].t(),
            f"{name}.tail": base[3],
            f"{name}.stepped": base[::2, 1:, :, 1::3],
            f"{name}.column": base[:, 0, 0, 0],
            f"{name}.element": base[2, 1, 3, 4],
            f"{name}.one_high": base[1:2].permute(0, 3, 2, 1),
            f"{name}.channels_last": torch.randn(2, 3, 4, 5).to(dtype).to(memory_format=torch.channels_last),
            f"{name}.expanded_by_one": base[0, 0, 0].expand(1, 6),
            f"{name}.diagonal": base[0, 0].diagonal(),
            f"{name}.empty_inside": base[:, :0],
        }
    return tensors


def nested() -> dict:
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Conv2d(2, 3, 3), torch.nn.LayerNorm(3)).half()
    tied = torch.randn(3, 2)
    return {
        "image_proj": model.state_dict(),
        "ip_adapter": OrderedDict({"1.to_k_ip.weight": tied, "1.to_v_ip.weight": tied, "3.to_k_ip.weight": tied[1:]}),
        "parameters": {
            "weight": torch.nn.Parameter(torch.randn(2, 2)),
            "frozen": torch.nn.Parameter(torch.ones(2), False),
        },
        "list": [torch.ones(1), {"inner": torch.zeros(2)}, "text", 7],
        "note": "text é 日本",
        "numbers": (1, 2.5, -(2**40), 2**70, None, True),
        5: torch.full((1,), 5.0),
    }


def training_checkpoint() -> dict:
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return {
        "epoch": 3,
        "global_step": 10,
        "state_dict": model.state_dict(),
        "optimizer_states": [optimizer.state_dict()],
    }


def rewritten(data: bytes, *, swap: bool, streamed: bool) -> bytes:
    """The same archive by another writer: big-endian storages, or sizes in data descriptors and zip64 fields."""

    class Unseekable(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

        def tell(self) -> int:
            raise io.UnsupportedOperation

    out = Unseekable() if streamed else io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as target:
        for info in source.infolist():
            content = source.read(info)
            if swap and "/data/" in info.filename:
                content = b"".join(content[i : i + 4][::-1] for i in range(0, len(content), 4))
            if swap and info.filename.endswith("/byteorder"):
                content = b"big"
            with target.open(zipfile.ZipInfo(info.filename), "w", force_zip64=streamed) as entry:
                entry.write(content)
    return out.getvalue()


def saved(value: object, **options: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def flat(value: object, prefix: str = "") -> dict[str, torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return {prefix: value.detach()}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {k: t for key, item in items for k, t in flat(item, f"{prefix}.{key}" if prefix else str(key)).items()}


def described(tensors: dict[str, torch.Tensor]) -> dict:
    out = {}
    for name, tensor in tensors.items():
        entry: dict = {"shape": list(tensor.shape)}
        if tensor.dtype in READABLE:
            bits = tensor.float().contiguous().reshape(-1).view(torch.int32).numpy().astype("<i4").tobytes()
            entry["bits"] = base64.b64encode(bits).decode()
        out[name] = entry
    return out


def global_(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def storage(count: bytes = b"K\x04", cls: bytes = global_("torch", "FloatStorage"), key: str = "0") -> bytes:
    return b"(" + text("storage") + cls + text(key) + text("cpu") + count + b"tQ"


def tensor(store: bytes, offset: bytes, shape: bytes, stride: bytes) -> bytes:
    hooks = global_("collections", "OrderedDict") + b")R"
    return (
        global_("torch._utils", "_rebuild_tensor_v2") + b"(" + store + offset + shape + stride + b"\x89" + hooks + b"tR"
    )


def state(value: bytes, name: str = "w") -> bytes:
    return b"\x80\x02}" + text(name) + value + b"s."


class Calls:
    """Pickles as a call of something."""

    def __init__(self, function: object, *args: object) -> None:
        self.call = (function, args)

    def __reduce__(self) -> tuple:
        return self.call


def hostile() -> dict[str, tuple[bytes, str]]:
    """Pickle and a part of the message that refuses it."""
    good = tensor(storage(), b"K\x00", b"K\x02K\x02\x86", b"K\x02K\x01\x86")
    four, one = b"K\x04\x85", b"K\x01\x85"
    cases = {
        "os.system": (pickle.dumps(Calls(os.system, "echo executed > executed.txt"), 2), "asks for"),
        "os.system, protocol 0": (pickle.dumps(Calls(os.system, "echo executed > executed.txt"), 0), "asks for"),
        "os.system, protocol 4": (pickle.dumps(Calls(os.system, "echo executed > executed.txt"), 4), "asks for"),
        "builtins.eval": (state(global_("builtins", "eval") + text("1+1") + b"\x85R"), "asks for builtins.eval"),
        "python 2's eval": (
            state(global_("__builtin__", "eval") + text("1+1") + b"\x85R"),
            "asks for __builtin__.eval",
        ),
        "getattr": (state(global_("builtins", "getattr") + b")R"), "asks for builtins.getattr"),
        "torch.load": (state(global_("torch", "load") + text("other.pt") + b"\x85R"), "asks for torch.load"),
        "torch.hub": (state(global_("torch.hub", "load") + text("a/b") + b"\x85R"), "asks for torch.hub.load"),
        "a name by inheritance": (state(global_("constructor", "constructor")), "asks for constructor.constructor"),
        "a name by prototype": (state(global_("__proto__", "")), "asks for __proto__."),
        "a name without an end": (b"\x80\x02c" + b"a" * 3000, "no end"),
        "a dotted name": (
            state(global_("torch", "FloatStorage.from_buffer")),
            "asks for torch.FloatStorage.from_buffer",
        ),
        "a type that is called": (state(global_("torch", "FloatStorage") + b")R"), "calls torch.FloatStorage"),
        "a number that is called": (state(b"K\x01)R"), "calls something"),
        "a tensor that is called": (state(good + b")R"), "calls something"),
        "INST": (b"\x80\x02(" + b"ios\nsystem\n.", "opcode 0x69"),
        "OBJ": (b"\x80\x02(" + global_("collections", "OrderedDict") + b"o.", "opcode 0x6f"),
        "NEWOBJ": (b"\x80\x02" + global_("collections", "OrderedDict") + b")\x81.", "opcode 0x81"),
        "EXT1": (b"\x80\x02\x82\x01.", "opcode 0x82"),
        "PERSID": (b"\x80\x02Pfile:///etc/passwd\n.", "opcode 0x50"),
        "a persistent id that is a path": (state(text("/etc/passwd") + b"Q"), "something outside"),
        "a persistent id of another kind": (state(b"(" + text("module") + b"NNNNtQ"), "something outside"),
        "a storage of no class": (state(storage(cls=global_("torch", "float32"))), "something outside"),
        "a storage of negative length": (
            state(tensor(storage(b"J\xff\xff\xff\xff"), b"K\x00", four, one)),
            "something outside",
        ),
        "a storage of fractional length": (
            state(tensor(storage(b"G" + struct.pack(">d", 4.5)), b"K\x00", four, one)),
            "something outside",
        ),
        "a storage that climbs": (state(tensor(storage(key="../data.pkl"), b"K\x00", four, one)), "missing"),
        "a storage too long": (state(tensor(storage(b"K\x09"), b"K\x00", four, one)), "16 bytes long instead of 36"),
        "a storage of 2^60": (
            state(tensor(storage(b"\x8a\x08" + struct.pack("<q", 2**60)), b"K\x00", four, one)),
            "something outside",
        ),
        "a view beyond its storage": (state(tensor(storage(), b"K\x01", four, one)), "beyond its storage"),
        "a stride beyond its storage": (
            state(tensor(storage(), b"K\x00", b"K\x02\x85", b"K\x04\x85")),
            "beyond its storage",
        ),
        "a negative offset": (state(tensor(storage(), b"J\xff\xff\xff\xff", four, one)), "no valid storage"),
        "a negative stride": (state(tensor(storage(), b"K\x03", four, b"J\xff\xff\xff\xff\x85")), "no valid storage"),
        "a negative size": (state(tensor(storage(), b"K\x00", b"J\xff\xff\xff\xff\x85", one)), "no valid storage"),
        "a fractional size": (
            state(tensor(storage(), b"K\x00", b"G" + struct.pack(">d", 1.5) + b"\x85", one)),
            "no valid storage",
        ),
        "a size of text": (state(tensor(storage(), b"K\x00", text("4") + b"\x85", one)), "no valid storage"),
        "sizes without strides": (state(tensor(storage(), b"K\x00", four, b")")), "no valid storage"),
        "one element a billion times": (
            state(tensor(storage(), b"K\x00", b"J" + struct.pack("<i", 10**9) + b"\x85", b"K\x00\x85")),
            "more elements than its storage",
        ),
        "sizes whose product overflows": (
            state(
                tensor(storage(), b"K\x00", b"(" + (b"J\xff\xff\xff\x7f" * 40) + b"t", b"(" + (b"K\x00" * 40) + b"t")
            ),
            "more elements than its storage",
        ),
        "a thousand dimensions": (
            state(tensor(storage(), b"K\x00", b"(" + (b"K\x01" * 1000) + b"t", b"(" + (b"K\x00" * 1000) + b"t")),
            "no valid storage",
        ),
        "a tensor of no storage": (state(tensor(b"K\x04", b"K\x00", four, one)), "no valid storage"),
        "a parameter of no tensor": (
            state(global_("torch._utils", "_rebuild_parameter") + b"(K\x01\x88NtR"),
            "no tensor",
        ),
        "an OrderedDict of something": (
            state(global_("collections", "OrderedDict") + b"K\x05\x85R"),
            "out of something else",
        ),
        "attributes of a tensor": (state(good + b"}b"), "sets attributes"),
        "attributes of a list": (state(b"]}b"), "sets attributes"),
        "a dictionary in itself": (
            b"\x80\x02}q\x00" + text("w") + good + b"s" + text("self") + b"h\x00s.",
            "nested too deeply",
        ),
        "a list in itself": (b"\x80\x02}" + text("w") + b"]q\x00h\x00as.", "nested too deeply"),
        "the same key twice": (b"\x80\x02}(" + text("w") + good + text("w") + good + b"u.", "the key w comes twice"),
        "one name by two ways": (
            b"\x80\x02}(" + text("a.b") + good + text("a") + b"}" + text("b") + good + b"su.",
            "two tensors in it are called a.b",
        ),
        "a key that is a list": (b"\x80\x02}]" + good + b"s.", "neither text nor a number"),
        "no tensors": (b"\x80\x02}" + text("w") + b"K\x01s.", "no tensors by name"),
        "one bare tensor": (b"\x80\x02" + good + b".", "no tensors by name"),
        "nothing": (b"", "ends in the middle"),
        "no end": (b"\x80\x02}", "ends in the middle"),
        "protocol 9": (b"\x80\x09}.", "newer than 5"),
        "an empty stack": (b"\x80\x02.", "runs empty"),
        "a mark without values": (b"\x80\x02(s.", "runs empty"),
        "a missing mark": (b"\x80\x02}K\x01K\x01u.", "a mark is missing"),
        "a text longer than the file": (b"\x80\x02X\xff\xff\xff\xffabc.", "ends in the middle"),
        "a text of no UTF-8": (b"\x80\x02X\x02\x00\x00\x00\xff\xfe.", "not UTF-8"),
        "a memo with holes": (b"\x80\x02}r\xff\xff\xff\x7f.", "numbered one by one"),
        "a memo that is empty": (b"\x80\x02h\x05.", "never stored"),
        "60,000 values on the stack": (b"\x80\x02" + b"N" * 60_000 + b".", "10,000 values"),
        "60,000 marks": (b"\x80\x02" + b"(" * 60_000 + b".", "nested too deeply"),
        "dictionaries by the thousand": (b"\x80\x02]" + b"(" + b"}K\x01K\x01s" * 9_000 + b"e.", "more memory"),
    }
    # Each dictionary holds the one before twice: 2^40 names out of 400 bytes.
    laughs = b"\x80\x02}" + text("w") + good + b"sq\x00"
    for i in range(1, 30):
        laughs += b"}(" + text("a") + b"h" + bytes([i - 1]) + text("b") + b"h" + bytes([i - 1]) + b"uq" + bytes([i])
    cases["a billion laughs"] = (laughs + b".", "more memory")
    cases["one list 9,000 times"] = (
        b"\x80\x02}"
        + text("w")
        + b"]("
        + b"K\x01" * 9_000
        + b"eq\x00"
        + b"s"
        + text("v")
        + b"]("
        + b"h\x00" * 9_000
        + b"es.",
        "more memory",
    )
    long_key = text("k" * 20_000)
    cases["long names by the thousand"] = (
        b"\x80\x02}"
        + long_key
        + b"}("
        + b"".join(text(str(i)) + (good + b"q\x00" if i == 0 else b"h\x00") for i in range(3_000))
        + b"us.",
        "more memory",
    )
    # One long key, stored once and used in 3,000 dictionaries.
    shared = text("shared") + b"](" + text("k" * 20_000) + b"q\x00" + good + b"q\x01e"
    uses = b"".join(text(str(i)) + b"}h\x00h\x01s" for i in range(3_000))
    cases["one long key by the thousand"] = (b"\x80\x02}(" + shared + uses + b"u.", "more memory")
    return cases


def main() -> None:
    torch.manual_seed(3)
    OUT.mkdir(parents=True, exist_ok=True)
    typed, view, nest, training = typed_tensors(), views(), nested(), training_checkpoint()
    plain = {"a": torch.randn(3, 4), "b": torch.randn(4, 3).t(), "c": torch.randn(7)}
    files = {
        "types.safetensors": (safetensors.torch.save(typed, {"format": "pt"}), typed),
        "types.pt": (saved(typed), typed),
        "views.pt": (saved(view), view),
        "nested.bin": (saved(nest), flat(nest)),
        "training.ckpt": (saved(training), flat(training["state_dict"])),
        "protocol-4.pth": (saved(nest, pickle_protocol=4), flat(nest)),
        "big-endian.pt": (rewritten(saved(plain), swap=True, streamed=False), plain),
        "zip64-streamed.pt": (rewritten(saved(plain), swap=False, streamed=True), plain),
    }
    # What this script rewrote is still what the reference reads.
    for name in ("big-endian.pt", "zip64-streamed.pt"):
        again = torch.load(io.BytesIO(files[name][0]), weights_only=True)
        assert all(torch.equal(again[key], plain[key]) for key in plain), name
    expected = {}
    for name, (data, tensors) in files.items():
        (OUT / name).write_bytes(data)
        expected[name] = described(tensors)
    (OUT / "legacy.bin").write_bytes(saved({"a": torch.ones(2)}, _use_new_zipfile_serialization=False))
    versions = {"torch": torch.__version__.split("+")[0], "safetensors": safetensors.__version__}
    (OUT / "readers.json").write_text(
        json.dumps({"madeWith": versions, "files": expected}, separators=(",", ":")) + "\n"
    )
    pickles = {
        name: {"pickle": base64.b64encode(zlib.compress(data, 9)).decode(), "message": message}
        for name, (data, message) in hostile().items()
    }
    (OUT / "hostile_pickles.json").write_text(json.dumps(pickles, separators=(",", ":")) + "\n")
    for path in sorted(OUT.iterdir()):
        print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
