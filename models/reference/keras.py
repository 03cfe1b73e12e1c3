# usage: python reference.py PHOTOS [MODEL.keras|MODEL.h5]      writes reference.npz
import sys, glob, keras, numpy as np
from keras.applications import vgg16 as app
from PIL import Image
model = keras.models.load_model(sys.argv[2]) if len(sys.argv) > 2 else app.VGG16()
preprocess = app.preprocess_input if len(sys.argv) < 3 else lambda x: x  # what your own code does to pixels
size = model.input_shape[2:0:-1]
photos = [Image.open(f).convert("RGB").resize(size, Image.BILINEAR) for f in sorted(glob.glob(sys.argv[1] + "/*.jpg"))]
layers = [l for l in model.layers if not isinstance(l, keras.layers.InputLayer)]
values = keras.Model(model.inputs, [l.output for l in layers])(preprocess(np.stack([np.asarray(p, "float32") for p in photos])), training=False)
np.savez("reference.npz", **{l.name: np.asarray(v, "float32") for l, v in zip(layers, values if len(layers) > 1 else [values])})
