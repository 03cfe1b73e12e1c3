"""Makes tables of images whose labels are in part missing, or of a kind that is no label.

A Hugging Face dataset marks images without a label by -1, pandas by NaN and pyarrow by null. The images' names have a
directory, train, which must not become their class. In one table, a label is beyond the names of its classes.
"""

import io
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

HERE = pathlib.Path(__file__).parent


def png(colour):
    out = io.BytesIO()
    Image.new("RGB", (16, 16), colour).save(out, "PNG")
    return out.getvalue()


colours = ["red", "green", "blue", "white"]
images = pa.array([{"bytes": png(c), "path": f"train/{c}.png"} for c in colours],
                  pa.struct([("bytes", pa.binary()), ("path", pa.string())]))


def write(name, column, labels, features=None):
    table = pa.table({"image": images, column: labels})
    if features:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, HERE / name)


write("null.parquet", "label", pa.array(["cat", None, "dog", "dog"]))
write("nan.parquet", "label", pa.array([0.0, float("nan"), 1.0, 1.0]))
write("minus-one.parquet", "fine_label", pa.array([0, -1, 1, 1]),
      {"image": {"_type": "Image"}, "fine_label": {"_type": "ClassLabel", "names": ["cat", "dog"]}})
write("beyond.parquet", "label", pa.array([0, 7, 1, 2]),
      {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["cat", "dog"]}})
write("lists.parquet", "label", pa.array([[0], [1], [0, 1], []]))
write("none.parquet", "label", pa.nulls(4, pa.string()))
