#!/usr/bin/env bash
# ai.djl:api 0.38.0 (Deep Java Library): Image.resize() makes grey pictures much brighter, and gives photos with a palette other colours.
#
# One would guess: a picture gives the same tensor whether its file holds it as grey or as red, green and blue that are equal, and
# resize() of one even colour is that colour.
# What happens, without an error:
#   1. resize() of a grey PNG or JPEG gives 133 for 60, and getMask() 191: grey is read as linear light and turned into sRGB, and that
#      once or twice. toNDArray() alone is right.
#   2. 16-bit grey, and grey with alpha, are so much brighter in toNDArray() alone; resized, 16 bits have it done twice: 191.
#   3. resize() of a PNG with a palette takes other colours than the picture's own: an even 60, 61, 62 is black, and white or dots of
#      Java's standard colours where palettes are larger.
# Who is hurt: those who classify X-rays, scans, microscopy and black-and-white photos in Java with a network that was trained in
# Python: of dark grey, the network sees light grey, its scores are others, and nothing says why.
# Remedy: draw the picture into a BufferedImage of TYPE_INT_RGB first (Graphics2D.drawImage), and give that to
# ImageFactory.fromImage; of grey with alpha, drop the alpha before, since drawing it is brighter, too.
# Seen on 2026-11-30, with Java 17, ai.djl.onnxruntime:onnxruntime-engine 0.38.0 for the arrays, Pillow 13.0.0 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from PIL import Image

# Even pictures of 60, as each kind of file; their pixels are what Pillow gives.
grey = np.full((16, 24), 60, np.uint8)
pictures = {"grey.png": Image.fromarray(grey), "grey.jpg": Image.fromarray(grey), "colours.png": Image.fromarray(grey).convert("RGB"),
            "alpha.png": Image.fromarray(grey).convert("LA"), "deep.png": Image.fromarray(grey.astype(np.uint16) * 257)}
for colours in (2, 100):
    palette = pictures[f"palette{colours}.png"] = Image.new("P", (24, 16), 1)
    palette.putpalette([255, 255, 255, 60, 61, 62] + [90] * 3 * (colours - 2))
for name, picture in pictures.items():
    picture.save(name)
    read = Image.open(name)
    wanted = {"deep.png": 60 * 257, "palette2.png": (60, 61, 62), "palette100.png": (60, 61, 62)}.get(name, (60, 60, 60))
    assert (read if name == "deep.png" else read.convert("RGB")).getpixel((5, 5)) == wanted, name
PYTHON
mkdir -p src/main/java
cat > pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId>
  <artifactId>finding</artifactId>
  <version>0</version>
  <dependencies>
    <dependency><groupId>ai.djl</groupId><artifactId>api</artifactId><version>0.38.0</version></dependency>
    <dependency><groupId>ai.djl.onnxruntime</groupId><artifactId>onnxruntime-engine</artifactId><version>0.38.0</version></dependency>
  </dependencies>
</project>
XML
cat > Finding.java <<'JAVA'
import ai.djl.modality.cv.Image;
import ai.djl.modality.cv.ImageFactory;
import ai.djl.ndarray.NDManager;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.Arrays;

public class Finding {
    static NDManager manager;

    /** The smallest and the largest sample. */
    static int[] range(Image image) {
        byte[] samples = image.toNDArray(manager).toByteBuffer().array();
        int[] range = {255, 0};
        for (byte sample : samples) {
            range[0] = Math.min(range[0], sample & 255);
            range[1] = Math.max(range[1], sample & 255);
        }
        return range;
    }

    static Image resized(Image image) {
        return image.resize(12, 8, false);
    }

    static Image masked(Image image) {
        int[][] mask = new int[image.getHeight()][image.getWidth()];
        for (int[] row : mask) {
            Arrays.fill(row, 1);
        }
        return image.getMask(mask);
    }

    static Image remedied(Image image) {
        BufferedImage drawn = new BufferedImage(image.getWidth(), image.getHeight(), BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = drawn.createGraphics();
        graphics.drawImage((BufferedImage) image.getWrappedImage(), 0, 0, null);
        graphics.dispose();
        return ImageFactory.getInstance().fromImage(drawn);
    }

    static void check(String name, Image image, int low, int high) {
        int[] seen = range(image);
        System.out.println(name + ": samples from " + seen[0] + " to " + seen[1]);
        if (seen[0] != low || seen[1] != high) {
            System.out.println("it changed");
            System.exit(1);
        }
    }

    public static void main(String[] arguments) throws Exception {
        manager = NDManager.newBaseManager("OnnxRuntime");
        ImageFactory factory = ImageFactory.getInstance();
        Image colours = factory.fromFile(Path.of("colours.png"));
        check("colours", colours, 60, 60);
        check("colours resized", resized(colours), 60, 60);
        check("colours masked", masked(colours), 60, 60);
        for (String name : new String[] {"grey.png", "grey.jpg"}) {
            Image grey = factory.fromFile(Path.of(name));
            check(name, grey, 60, 60);
            check(name + " resized", resized(grey), 133, 133);
            check(name + " masked", masked(grey), 191, 191);
            check(name + " drawn first, then resized", resized(remedied(grey)), 60, 60);
        }
        Image deep = factory.fromFile(Path.of("deep.png"));
        check("16 bits", deep, 133, 133);
        check("16 bits resized", resized(deep), 191, 191);
        Image alpha = factory.fromFile(Path.of("alpha.png"));
        check("grey and alpha", alpha, 133, 133);
        check("16 bits drawn first, then resized", resized(remedied(deep)), 60, 60);
        Image few = factory.fromFile(Path.of("palette2.png"));
        Image many = factory.fromFile(Path.of("palette100.png"));
        for (Image palette : new Image[] {few, many}) {
            check("palette", palette, 60, 62);
            check("palette drawn first, then resized", resized(remedied(palette)), 60, 62);
        }
        check("palette of 2 colours resized", resized(few), 0, 0);
        check("palette of 100 colours resized", resized(many), 51, 102);
        System.exit(0);
    }
}
JAVA
mvn --quiet --batch-mode dependency:build-classpath -Dmdep.outputFile=classpath > log 2>&1 || { cat log; exit 1; }
OPT_OUT_TRACKING=true java -Djava.awt.headless=true -cp "$(cat classpath)" Finding.java 2> log || { cat log; exit 1; }
