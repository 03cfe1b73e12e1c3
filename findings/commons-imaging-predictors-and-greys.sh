#!/usr/bin/env bash
# org.apache.commons:commons-imaging 1.0.0-alpha6: TIFFs of 16 bits with a predictor drift off, and grey PNGs are written back nearly black.
#
# One would guess: a TIFF has the same pixels with a predictor as without, which is but a step of compression; grey samples stay what they
# are, from the file into a BufferedImage and by ImageIO into another file; and alpha does not depend on the depth.
# What happens, without an error:
#   1. Predictor 2 (horizontal differencing) of 16 bits adds up the high bytes of the differences alone, and what the low bytes carry is
#      lost: a slope from 0 to 89 in 24 pixels ends at 69, and one downwards goes below 0, which is white. It becomes worse along each
#      row. Without a predictor, and with 8 bits, all is well.
#   2. Grey PNGs of up to 8 bits and of 16 become TYPE_BYTE_GRAY with samples in linear light: 60 is 12 in the raster, and in any file that
#      ImageIO.write() makes of it. getRGB() turns them back, by fewer levels: 8 and 16 are both 13.
#   3. Alpha of 16 bits in TIFFs is opaque, and so is the transparent colour (tRNS) of PNGs with 1, 2, 4 and 16 bits. 8 bits are right.
# Who is hurt: services in Java that read microscopy, elevation and X-rays, which GDAL, libtiff and tifffile write with predictors; those that
# convert scans and masks, and then classify them: dark pictures become black.
# Remedy: com.twelvemonkeys.imageio:imageio-tiff 3.13.1 for 1; for 2 Graphics2D.drawImage into TYPE_INT_RGB, which leaves the loss of
# levels, or ImageIO's own reader.
# Seen on 2026-12-01, with Java 17, tifffile 2026.3.3, imagecodecs 2026.3.6, Pillow 13.0.0 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tifffile==2026.3.3 imagecodecs==2026.3.6 pillow==13.0.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import tifffile
from PIL import Image

slope = np.tile(np.arange(24, dtype=np.uint16) * 1000, (4, 1))
for name, values in (("up", slope), ("down", slope[:, ::-1])):
    for predictor in (False, True):
        for bits, samples in ((8, (values >> 8).astype(np.uint8)), (16, values)):
            file = f"{name}-{bits}{'-predictor' * predictor}.tif"
            tifffile.imwrite(file, samples, photometric="minisblack", compression="lzw", predictor=predictor)
            assert (tifffile.imread(file) == samples).all()
half = np.full_like(slope, 128 * 257)
for bits, samples in ((8, np.dstack([slope, slope, slope, half]) >> 8), (16, np.dstack([slope, slope, slope, half]))):
    tifffile.imwrite(f"alpha-{bits}.tif", samples.astype(f"uint{bits}"), photometric="rgb", extrasamples=["unassalpha"])
Image.fromarray(np.array([[0, 8, 16, 24, 60, 128, 255]], np.uint8)).save("grey.png")
colour = Image.fromarray(np.array([[0, 60, 255]], np.uint8))
colour.save("transparent-8.png", transparency=60)
for name, image, transparent in (("1", colour.convert("1"), 1), ("16", Image.fromarray(np.array([[0, 60, 1000]], np.uint16)), 1000)):
    image.save(f"transparent-{name}.png", transparency=transparent)
PYTHON
cat > pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId>
  <artifactId>finding</artifactId>
  <version>0</version>
  <dependencies>
    <dependency><groupId>org.apache.commons</groupId><artifactId>commons-imaging</artifactId><version>1.0.0-alpha6</version></dependency>
  </dependencies>
</project>
XML
cat > Finding.java <<'JAVA'
import java.awt.image.BufferedImage;
import java.io.File;
import java.util.Arrays;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.apache.commons.imaging.Imaging;

public class Finding {
    static BufferedImage read(String name) throws Exception {
        return Imaging.getBufferedImage(new File(name));
    }

    static void check(String name, int[] seen, int... expected) {
        System.out.println(name + ": " + Arrays.toString(seen));
        if (!Arrays.equals(seen, expected)) {
            System.out.println("it changed: " + Arrays.toString(expected));
            System.exit(1);
        }
    }

    static int[] greens(BufferedImage image) {
        return IntStream.range(0, image.getWidth()).map(x -> image.getRGB(x, 0) >> 8 & 255).toArray();
    }

    static int[] alphas(BufferedImage image) {
        return IntStream.range(0, image.getWidth()).map(x -> image.getRGB(x, 0) >>> 24).toArray();
    }

    static int[] row(IntUnaryOperator pixel) {
        return IntStream.range(0, 24).map(pixel).toArray();
    }

    public static void main(String[] arguments) throws Exception {
        // 1. The high bytes of 1000 and -1000 are 3 and -4.
        int[] up = row(x -> x * 1000 >> 8);
        int[] down = row(x -> (23 - x) * 1000 >> 8);
        for (String bits : new String[] {"8", "16", "8-predictor"}) {
            check("up, " + bits, greens(read("up-" + bits + ".tif")), up);
            check("down, " + bits, greens(read("down-" + bits + ".tif")), down);
        }
        check("up, 16-predictor", greens(read("up-16-predictor.tif")), row(x -> 3 * x));
        check("down, 16-predictor", greens(read("down-16-predictor.tif")), row(x -> (89 - 4 * x) & 255));

        // 2.
        BufferedImage grey = read("grey.png");
        check("grey 0, 8, 16, 24, 60, 128, 255", greens(grey), 0, 13, 13, 22, 61, 128, 255);
        check("their raster", grey.getRaster().getSamples(0, 0, 7, 1, 0, (int[]) null), 0, 1, 1, 2, 12, 55, 255);
        ImageIO.write(grey, "png", new File("written.png"));

        // 3.
        check("alpha of 8 bits", alphas(read("alpha-8.tif")), row(x -> 128));
        check("alpha of 16 bits", alphas(read("alpha-16.tif")), row(x -> 255));
        check("transparent colour of 8 bits", alphas(read("transparent-8.png")), 255, 0, 255);
        for (String bits : new String[] {"1", "16"}) {
            check("transparent colour of " + bits + " bits", alphas(read("transparent-" + bits + ".png")), 255, 255, 255);
        }
    }
}
JAVA
mvn --quiet --batch-mode dependency:build-classpath -Dmdep.outputFile=classpath > log 2>&1 || { cat log; exit 1; }
java -Djava.awt.headless=true -cp "$(cat classpath)" Finding.java
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from PIL import Image

written = np.asarray(Image.open("written.png"))[0].tolist()
print("written by ImageIO:", written)
assert written == [0, 1, 1, 2, 12, 55, 255], "it changed"
PYTHON
