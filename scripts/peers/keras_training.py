"""Training with Keras's fit(): VGG16's block 5 with Adam, as its guide on bottleneck features goes,
where the frozen blocks' output is computed once; or a VGG from random weights with SGD, with a backup
after each epoch, from which the training could continue."""

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


def block5(options, classes):
    """Block 5 of VGG16, an average over positions and a layer of logits."""
    base = keras.applications.VGG16(include_top=False, weights=None, input_shape=(224, 224, 3))
    out = features = keras.Input(training.SHAPE)
    for name, parameters in zip(training.LAYERS, training.block5(options.weights), strict=True):
        out = base.get_layer(name)(out)
        base.get_layer(name).set_weights(parameters)
    out = keras.layers.GlobalAveragePooling2D()(base.get_layer("block5_pool")(out))
    model = keras.Model(features, keras.layers.Dense(classes, kernel_initializer="zeros")(out))
    return model, keras.optimizers.Adam(options.learning_rate)


def scratch(options, classes):
    """A VGG with random weights, down to a layer of logits."""
    model = keras.Sequential([keras.Input((options.size, options.size, 3))])
    for convolutions, filters in zip(training.CONFIGURATIONS[options.config], training.FILTERS, strict=True):
        for _ in range(convolutions):
            model.add(keras.layers.Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(keras.layers.MaxPooling2D(2))
    model.add(keras.layers.Flatten())
    for _ in range(2):
        model.add(keras.layers.Dense(options.units, activation="relu"))
        model.add(keras.layers.Dropout(training.DROPOUT))
    model.add(keras.layers.Dense(classes))
    return model, keras.optimizers.SGD(options.learning_rate, momentum=training.MOMENTUM)


options = training.arguments()
(x, y), validation, classes = training.examples(options)
model, optimizer = (scratch if options.training == "scratch" else block5)(options, classes)
model.compile(
    optimizer=optimizer, loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"],
    jit_compile=options.compile)
callbacks = [clock := Clock()]
if options.training == "scratch":
    callbacks.append(keras.callbacks.BackupAndRestore(options.out, delete_checkpoint=False))
history = model.fit(
    x, y, batch_size=options.batch, epochs=options.epochs, validation_data=validation, validation_batch_size=options.batch,
    verbose=0, callbacks=callbacks).history
training.report([
    {"seconds": seconds, "loss": loss, "val_loss": val_loss}
    for seconds, loss, val_loss in zip(clock.seconds, history["loss"], history["val_loss"], strict=True)], model.count_params())
