#!/usr/bin/env bash
# Java 17: ImageIO takes the transparent colour of PNGs with 1, 2 and 4 bits for opaque, brightens their greys, and reads half floats as bits.
#
# One would guess: a grey PNG whose chunk tRNS names one sample as transparent is transparent there, as PNG's specification wants, whatever its
# depth, and as ImageIO has it with 8 and 16 bits; its greys are those of the same PNG without that chunk; and a TIFF of floats has floats,
# or is refused, as are those with predictors of 16 bits and of floats.
# What happens, without an error or a warning:
#   1. Grey of 1, 2 and 4 bits: samples are scaled to 8 bits, the transparent one is not. White, sample 3 of 2 bits, is 255, and 3 is looked
#      for: nothing is transparent, unless it is black.
#   2. Such a picture becomes one with a grey in linear light and alpha: getRGB(), and what is made by it, gives 156 for 85.
#      Without the chunk, the same picture has a palette, and gives 85. The raster is right in both.
#   3. TIFFs of half floats (SampleFormat 3, 16 bits) come as whole numbers from 0 to 65535, as if they were greys: 15872 for 1.5, and
#      negative ones are brightest. Floats of 32 and 64 bits are right.
# Who is hurt: services that put icons, plots, maps and masks onto a background: tools that make PNGs small turn alpha into one such colour and
# few bits; and classifiers in Java, whose pictures are brighter for a chunk that says nothing about brightness.
# Remedy: take greys from getRaster(), and the transparent sample from ImageReader.getImageMetadata(0), for 1 and 2.
# Seen on 2026-12-01, with OpenJDK 17.0.15.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > Finding.java <<'JAVA'
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;
import javax.imageio.ImageIO;

public class Finding {
    static boolean changed;

    static void chunk(DataOutputStream out, String name, byte[] data) throws IOException {
        byte[] whole = ByteBuffer.allocate(4 + data.length).put(name.getBytes("US-ASCII")).put(data).array();
        CRC32 sum = new CRC32();
        sum.update(whole);
        out.writeInt(data.length);
        out.write(whole);
        out.writeInt((int) sum.getValue());
    }

    /** A grey PNG of one row with samples from 0 to the largest; one of them is transparent unless it is below 0. */
    static byte[] png(int depth, int width, int transparent) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.write(new byte[] {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'});
        chunk(out, "IHDR", ByteBuffer.allocate(13).putInt(width).putInt(1).put((byte) depth).put(new byte[4]).array());
        if (transparent >= 0) {
            chunk(out, "tRNS", ByteBuffer.allocate(2).putShort((short) transparent).array());
        }
        byte[] row = new byte[1 + (width * depth + 7) / 8];
        for (int x = 0; x < width; x++) {
            row[1 + x * depth / 8] |= (byte) (x << (8 - depth - x * depth % 8));
        }
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (DeflaterOutputStream deflater = new DeflaterOutputStream(packed)) {
            deflater.write(row);
        }
        chunk(out, "IDAT", packed.toByteArray());
        chunk(out, "IEND", new byte[0]);
        return bytes.toByteArray();
    }

    /** A grey TIFF of one row of floats, in 16 or 32 bits, without compression. */
    static byte[] tiff(int bits, int[] samples) {
        int size = samples.length * bits / 8;
        int[][] fields = {{256, 4, samples.length}, {257, 4, 1}, {258, 3, bits}, {259, 3, 1}, {262, 3, 1}, {273, 4, 8}, {277, 3, 1},
            {278, 4, 1}, {279, 4, size}, {339, 3, 3}};
        ByteBuffer out = ByteBuffer.allocate(8 + size + 2 + 12 * fields.length + 4);
        out.put(new byte[] {'M', 'M', 0, 42}).putInt(8 + size);
        for (int s : samples) {
            if (bits == 16) {
                out.putShort((short) s);
            } else {
                out.putInt(s);
            }
        }
        out.putShort((short) fields.length);
        for (int[] f : fields) {
            out.putShort((short) f[0]).putShort((short) f[1]).putInt(1);
            if (f[1] == 3) {
                out.putShort((short) f[2]).putShort((short) 0);
            } else {
                out.putInt(f[2]);
            }
        }
        return out.array();
    }

    static BufferedImage read(byte[] file) throws IOException {
        return ImageIO.read(new ByteArrayInputStream(file));
    }

    static void expect(boolean holds) {
        if (!holds) {
            System.out.println("it changed");
            changed = true;
        }
    }

    public static void main(String[] arguments) throws IOException {
        for (int depth : new int[] {1, 2, 4, 8}) {
            int width = 1 << depth, top = width - 1;
            for (int transparent : new int[] {0, 1, top}) {
                BufferedImage image = read(png(depth, width, transparent));
                int[] alpha = new int[width];
                for (int x = 0; x < width; x++) {
                    alpha[x] = image.getRGB(x, 0) >>> 24;
                }
                long clear = Arrays.stream(alpha).filter(a -> a == 0).count();
                System.out.printf("%d bits, %d is transparent: %d pixels are, alpha of it is %d%n", depth, transparent, clear, alpha[transparent]);
                expect(clear == (depth == 8 || transparent == 0 ? 1 : 0) && alpha[transparent] == (clear == 1 ? 0 : 255));
            }
            if (depth == 2) {
                BufferedImage plain = read(png(depth, width, -1)), marked = read(png(depth, width, 0));
                System.out.printf("2 bits: sample 1 of 3 is %d, and with a transparent black %d; in the raster %d%n", plain.getRGB(1, 0) & 255,
                    marked.getRGB(1, 0) & 255, marked.getRaster().getSample(1, 0, 0));
                expect((plain.getRGB(1, 0) & 255) == 85 && marked.getRaster().getSample(1, 0, 0) == 85);
                expect((marked.getRGB(1, 0) & 255) == 156);
            }
        }
        float[] numbers = {0, 0.5f, 1.5f, -2};
        int[] halves = {0, 0x3800, 0x3e00, 0xc000}, singles = new int[numbers.length];
        for (int i = 0; i < numbers.length; i++) {
            singles[i] = Float.floatToRawIntBits(numbers[i]);
        }
        double[] half = read(tiff(16, halves)).getRaster().getPixels(0, 0, 4, 1, (double[]) null);
        double[] single = read(tiff(32, singles)).getRaster().getPixels(0, 0, 4, 1, (double[]) null);
        System.out.println("floats of 32 bits: " + Arrays.toString(single) + ", of 16 bits: " + Arrays.toString(half));
        for (int i = 0; i < numbers.length; i++) {
            expect(single[i] == numbers[i] && half[i] == halves[i]);
        }
        System.exit(changed ? 1 : 0);
    }
}
JAVA
java Finding.java
