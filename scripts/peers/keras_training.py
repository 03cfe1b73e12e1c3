"""Fine-tuning VGG16's block 5 with Keras, as its guide on bottleneck features goes: the frozen
blocks' output is computed once, fit() trains the rest with Adam."""

import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras

import training


class Clock(keras.callbacks.Callback):
    """Times the steps of each epoch, without its validation."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.begin = time.monotonic()

    def on_test_begin(self, logs=None):
        self.seconds.append(time.monotonic() - self.begin)


options = training.arguments()
(x, y), validation, classes = training.examples(options)
base = keras.applications.VGG16(include_top=False, weights=None, input_shape=(224, 224, 3))
out = features = keras.Input(training.SHAPE)
for name, parameters in zip(training.LAYERS, training.block5(options.weights), strict=True):
    out = base.get_layer(name)(out)
    base.get_layer(name).set_weights(parameters)
out = keras.layers.GlobalAveragePooling2D()(base.get_layer("block5_pool")(out))
model = keras.Model(features, keras.layers.Dense(classes, kernel_initializer="zeros")(out))
model.compile(
    optimizer=keras.optimizers.Adam(options.learning_rate), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"], jit_compile=options.compile)
clock = Clock()
history = model.fit(
    x, y, batch_size=options.batch, epochs=options.epochs, validation_data=validation, validation_batch_size=options.batch,
    verbose=0, callbacks=[clock]).history
training.report([
    {"seconds": seconds, "loss": loss, "val_loss": val_loss}
    for seconds, loss, val_loss in zip(clock.seconds, history["loss"], history["val_loss"], strict=True)])
