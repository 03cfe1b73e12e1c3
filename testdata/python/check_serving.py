"""Asks a server by real clients of its protocols and prints what they make of its answers, as JSON.

    check_serving.py URL MODEL FILE...

KServe's client speaks TensorFlow Serving's REST interface (its protocol v1) and the Open Inference Protocol, with tensors
as JSON and in binary form; Triton's client speaks the latter, in binary form unless told otherwise.
"""
import asyncio
import base64
import json
import sys

import numpy as np
import tritonclient.http as triton
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from tritonclient.utils import InferenceServerException

url, model, files = sys.argv[1], sys.argv[2], sys.argv[3:]
contents = [open(name, "rb").read() for name in files]
texts = [base64.b64encode(c).decode() for c in contents]


def listed(array):
    return [v.decode() if isinstance(v, bytes) else v for v in np.asarray(array).reshape(-1).tolist()]


async def kserve():
    seen = {}
    async with InferenceRESTClient(RESTConfig(protocol="v1", timeout=60)) as client:
        for key, request in {
            "rows": {"instances": [{"b64": t} for t in texts]},
            "named rows": {"signature_name": "serving_default", "instances": [{"image_bytes": {"b64": t}} for t in texts]},
        }.items():
            answer = await client.infer(url, request, model_name=model)
            seen["v1 " + key] = {name: [p[name] for p in answer["predictions"]] for name in answer["predictions"][0]}
        for key, request in {
            "columns": {"inputs": [{"b64": t} for t in texts]},
            "named columns": {"inputs": {"image_bytes": [{"b64": t} for t in texts]}},
        }.items():
            seen["v1 " + key] = (await client.infer(url, request, model_name=model))["outputs"]
    async with InferenceRESTClient(RESTConfig(protocol="v2", timeout=60)) as client:
        seen["v2 ready"] = [await client.is_server_live(url), await client.is_server_ready(url), await client.is_model_ready(url, model)]
        for key, values, binary in (("JSON", texts, False), ("binary", contents, True)):
            tensor = InferInput("image_bytes", [len(values)], "BYTES")
            tensor.set_data_from_numpy(np.array(values, dtype=object), binary_data=binary)
            request = InferRequest(model_name=model, infer_inputs=[tensor], request_id="r1", parameters={"binary_data_output": binary})
            answer = await client.infer(url, request, model_name=model)
            seen["v2 " + key] = {o.name: listed(o.as_numpy()) for o in answer.outputs}
            seen["v2 " + key + " id"] = answer.id
    return seen


def by_triton():
    client = triton.InferenceServerClient(url.split("//")[1])
    server, described = client.get_server_metadata(), client.get_model_metadata(model)
    seen = {
        "triton ready": [client.is_server_live(), client.is_server_ready(), client.is_model_ready(model), client.is_model_ready(model, "1")],
        "triton extensions": server["extensions"],
        "triton metadata": described,
    }
    tensor = triton.InferInput("image_bytes", [len(contents)], "BYTES")
    tensor.set_data_from_numpy(np.array(contents, dtype=object))
    names = [o["name"] for o in described["outputs"]]
    answer = client.infer(model, [tensor])
    seen["triton all"] = {name: listed(answer.as_numpy(name)) for name in names}
    wanted = [triton.InferRequestedOutput(name, binary_data=name == "label") for name in names]
    answer = client.infer(model, [tensor], model_version="1", request_id="r2", outputs=wanted)
    seen["triton mixed"] = {name: listed(answer.as_numpy(name)) for name in names}
    seen["triton shapes"] = {o["name"]: o["shape"] for o in answer.get_response()["outputs"]}
    broken = triton.InferInput("image_bytes", [2], "BYTES")
    broken.set_data_from_numpy(np.array([contents[0], b"no image"], dtype=object))
    for key, request in {
        "broken": lambda: client.infer(model, [broken]),
        "unknown": lambda: client.infer("nothing", [tensor]),
        "output": lambda: client.infer(model, [tensor], outputs=[triton.InferRequestedOutput("logits")]),
    }.items():
        try:
            request()
            seen["triton " + key] = "no error"
        except InferenceServerException as e:
            seen["triton " + key] = f"{e.status()}: {e.message()}"
    return seen


json.dump(asyncio.run(kserve()) | by_triton(), sys.stdout)
