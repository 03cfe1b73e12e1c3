"""Makes the golden values of the head with a hidden layer, with Keras.

    python make_mlp_golden.py > mlp.json

Made with Keras 3, TensorFlow 2.18, Python 3.11. No dropout and no shuffling, so that the
steps are the same everywhere: weights before, losses of the epochs, weights after.
"""

import json
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np

ROWS, COLS, UNITS, CLASSES, BATCH, EPOCHS = 22, 6, 5, 3, 8, 12

rng = np.random.default_rng(5)
y = rng.integers(0, CLASSES, ROWS)
x = (rng.normal(size=(ROWS, COLS)) + rng.normal(size=(CLASSES, COLS))[y]).astype(np.float32)
importance = {0: 0.5, 1: 1.5, 2: 1.0}
model = keras.Sequential([
    keras.Input((COLS,)),
    keras.layers.Dense(UNITS, activation="relu"),
    keras.layers.Dense(CLASSES, activation="softmax"),
])
keras.utils.set_random_seed(3)
for layer in model.layers:
    layer.set_weights([rng.normal(size=w.shape).astype(np.float32) * 0.7 for w in layer.get_weights()])
before = [w.T.astype(float).ravel().tolist() for w in model.get_weights()]
model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0, class_weight=importance)
print(json.dumps({
    "rows": ROWS, "cols": COLS, "units": UNITS, "classes": CLASSES, "batch": BATCH, "epochs": EPOCHS, "rate": 0.01,
    "importance": [importance[c] for c in range(CLASSES)],
    "x": x.astype(float).ravel().tolist(), "y": y.tolist(), "before": before,
    "after": [w.T.astype(float).ravel().tolist() for w in model.get_weights()],
    "probabilities": model.predict(x, verbose=0).astype(float).ravel().tolist(),
}))
