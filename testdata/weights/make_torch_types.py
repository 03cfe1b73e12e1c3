"""Saves tensors of every type, layout and wrapper by PyTorch, and their values.

    python make_torch_types.py

Writes torch_types.zip with NAME.pth, NAME_legacy.pth (the format of before version 1.6) and
expected.json: for each file, the tensors of the state dict that is in it, as PyTorch itself gives them to NumPy, the types of its whole numbers, or what the
refusal must say. Made with torch 1.13.1, numpy 1.24.2, Python 3.11.
"""

import argparse
import datetime
import io
import json
import pathlib
import zipfile
from collections import OrderedDict, defaultdict

import numpy as np
import torch
from torch import nn

HERE = pathlib.Path(__file__).parent
archive = zipfile.ZipFile(HERE / "torch_types.zip", "w", zipfile.ZIP_DEFLATED)
expected = {}


def put(name, data):
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, data)


def values(*shape):
    n = int(np.prod(shape))
    return torch.from_numpy((((np.arange(n) * 37) % 255 - 127) / 16).reshape(shape).astype("f4"))


def note(name, state, refusal=""):
    floats, others = {}, {}
    for key, t in state.items():
        if not isinstance(t, torch.Tensor):
            others[key] = dict(dtype="object", shape=[], raw="")
            continue
        if t.is_floating_point():
            kept = t.detach().numpy() if t.dtype == torch.float16 else t.detach().float().numpy()
            floats[key] = dict(dtype="F16" if t.dtype == torch.float16 else "F32", shape=list(t.shape), values=kept.astype("f8").ravel().tolist())
        else:
            kept = np.ascontiguousarray(t.numpy())
            letter = {"i": "I", "u": "U", "b": "BOOL"}[kept.dtype.kind]
            others[key] = dict(dtype=letter + (str(8 * kept.dtype.itemsize) if letter != "BOOL" else ""), shape=list(t.shape), raw=kept.tobytes().hex())
    expected[name] = dict(tensors=floats, others=others, refusal=refusal)


def save(name, value, state=None, refusal=""):
    for suffix, new in (("", True), ("_legacy", False)):
        file, out = f"{name}{suffix}.pth", io.BytesIO()
        torch.save(value, out, _use_new_zipfile_serialization=new)
        put(file, out.getvalue())
        note(file, state if state is not None else {}, refusal)


kernel = values(4, 3, 2, 5)
shared = values(40)
layouts = OrderedDict(
    contiguous=kernel.clone(),
    channels_last=kernel.clone().to(memory_format=torch.channels_last),
    permuted=kernel.clone().permute(2, 3, 1, 0),
    transposed=values(4, 6).T,
    with_offset=shared[8:20].view(3, 4),
    every_second=shared[1::2],
    columns=values(5, 6)[:, 2:4],
    steps=values(6, 6)[::2, ::3],
    expanded=values(3).expand(4, 3),
    expanded_inner=values(4, 1).expand(4, 3),
    same_storage=shared,
    one_by_one=values(5, 1, 1),
    odd_strides=torch.as_strided(values(10), (1, 5), (77, 2)),
    scalar=torch.tensor(2.5),
    empty=torch.zeros(0, 3),
    parameter=nn.Parameter(values(2, 3).T),
    last_of_storage=shared[39:],
)
assert not layouts["channels_last"].is_contiguous() and layouts["with_offset"].storage_offset() == 8
save("layouts", layouts, layouts)

types = OrderedDict((str(d)[6:], values(3, 4).to(d)) for d in (torch.float64, torch.float32, torch.float16, torch.bfloat16))
types["bfloat16_channels_last"] = kernel.bfloat16().to(memory_format=torch.channels_last)
types["half_transposed"] = values(3, 4).half().T
types.update((str(d)[6:], torch.arange(6).to(d)) for d in (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool))
types["int64_transposed"] = torch.arange(6).view(2, 3).T
save("types", types, types)

net = nn.Sequential(OrderedDict(conv=nn.Conv2d(2, 3, 3), bn=nn.BatchNorm2d(3), fc=nn.Linear(3, 2)))
for i, p in enumerate(net.parameters()):
    p.data = values(*p.shape) + i
net.bn.num_batches_tracked += 5
optimizer = torch.optim.Adam(net.parameters())
loss = net.bn(net.conv(torch.ones(2, 2, 5, 5))).sum() + net.fc(torch.ones(1, 3)).sum()
loss.backward()
optimizer.step()
state = OrderedDict((k, v.clone()) for k, v in net.state_dict().items())
save("batch_norm", net.state_dict(), state)
training = dict(epoch=3, arch="vgg16_bn", best_acc1=torch.tensor(71.5), optimizer=optimizer.state_dict(), args=argparse.Namespace(lr=0.1),
                when=datetime.datetime(2020, 1, 2), score=np.float64(0.5), meters=defaultdict(list, a=[1.0]), shape=torch.Size([1, 2]), device=torch.device("cpu"))
for key in ("state_dict", "model_state_dict", "model", "net"):
    save(f"in_{key}", {**training, key: net.state_dict()}, state)
save("in_own_name", dict(epoch=3, my_network=net.state_dict(), optimizer=optimizer.state_dict()), state)
save("twice", dict(model=dict(state_dict=net.state_dict(), epoch=1)), state)
save("parallel", nn.DataParallel(net).state_dict(), OrderedDict(("module." + k, v) for k, v in state.items()))
mixed = OrderedDict(state)
mixed["_extra_state"] = None
mixed["version"] = 2
save("mixed", mixed, mixed)

save("two_networks", dict(netG=net.state_dict(), netD=net.state_dict()), refusal="several dictionaries of tensors (netD, netG)")
save("two_states", dict(model=net.state_dict(), state_dict=net.state_dict()), refusal="several dictionaries of tensors (model, state_dict)")
save("whole", net, refusal="torch.nn.modules.container.Sequential")
save("whole_in_model", dict(epoch=1, model=net), refusal="entry model is an object of the class torch.nn.modules.container.Sequential")
save("whole_parallel", nn.DataParallel(net), refusal="torch.save(model.state_dict(), FILE)")
save("a_tensor", values(3), refusal="not a dictionary of tensors")
save("a_list", [values(3)], refusal="not a dictionary of tensors")
save("quantized", OrderedDict(weight=torch.quantize_per_tensor(values(3), 0.1, 0, torch.qint8)), refusal="weight is of torch._utils._rebuild_qtensor")
save("sparse", OrderedDict(bias=values(2), weight=values(3, 3).to_sparse()), refusal="weight is of torch._utils._rebuild_sparse_tensor")
save("complex", OrderedDict(bias=values(2), weight=values(3).to(torch.complex64)), refusal="torch.ComplexFloatStorage")
put("script.pth", torch.jit.script(net).save_to_buffer())
note("script.pth", {}, "TorchScript")
put("expected.json", json.dumps(expected, indent=0, sort_keys=True) + "\n")
archive.close()
