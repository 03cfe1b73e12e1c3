#!/usr/bin/env bash
# com.github.haifengl:smile-base 3.1.1: distances of sparse vectors and of bytes, divergences and a variance are others than they are called.
#
# One would guess: the sparse distances are those of the dense classes of the same names; a variance is that of the distribution; a
# divergence is never below 0, and is 0 only where both distributions are the same.
# What happens, without an error:
#   1. SparseManhattanDistance and SparseChebyshevDistance are the roots of what they should be: 2.83 for 8, and 2 for 4.
#      SparseMinkowskiDistance(3) takes negative differences off instead of adding their magnitude, so that d(a, b) is not d(b, a).
#      SparseEuclideanDistance is right.
#   2. HammingDistance.d() of two bytes counts up to 32 bits that differ, and of two shorts, too: what is below 0 is widened with its sign.
#      -1 and 0 differ in 32 bits of 8. int and long are right.
#   3. LogNormalDistribution.variance() takes the mean of the logarithms for their deviation: with the mean 0 it is 0, whatever the deviation.
#   4. MathEx.KullbackLeiblerDivergence() leaves bins out in which one of both has 0: it is 0 for distributions that differ, and -0.23 for others,
#      though it cannot be below 0. Only without any bin in common is it infinite.
#   5. MathEx.mean(int[]) adds up in 32 bits: the mean of twice 2,000,000,000 is -147,483,648.
# It is the newest for Java 17. 6.3.0, for Java 25, has 1, 3 and 5 right, and 2 and 4 as they are here.
# Who is hurt: neighbours and clusters of bags of words, histograms and sparse features, whose order by Manhattan stays and whose thresholds
# and means do not; searches by perceptual hashes that are kept as bytes; and those who compare topics and colours.
# Remedy: the dense classes for 1, x & 0xff for 2, formulas of one's own for 3 and 4, and double for 5.
# Seen on 2026-12-01, with Java 17.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId>
  <artifactId>finding</artifactId>
  <version>0</version>
  <dependencies>
    <dependency><groupId>com.github.haifengl</groupId><artifactId>smile-base</artifactId><version>3.1.1</version></dependency>
  </dependencies>
</project>
XML
cat > Finding.java <<'JAVA'
import java.util.Arrays;
import java.util.Random;
import smile.math.MathEx;
import smile.math.distance.ChebyshevDistance;
import smile.math.distance.EuclideanDistance;
import smile.math.distance.HammingDistance;
import smile.math.distance.ManhattanDistance;
import smile.math.distance.MinkowskiDistance;
import smile.math.distance.SparseChebyshevDistance;
import smile.math.distance.SparseEuclideanDistance;
import smile.math.distance.SparseManhattanDistance;
import smile.math.distance.SparseMinkowskiDistance;
import smile.stat.distribution.LogNormalDistribution;
import smile.util.SparseArray;

public class Finding {
    static void expect(String name, double seen, double right, double expected) {
        System.out.println(name + ": " + seen + ", right is " + right);
        if (!(Math.abs(seen - expected) < 1e-9 || seen == expected)) {
            System.out.println("it changed: " + expected);
            System.exit(1);
        }
    }

    static SparseArray sparse(double... values) {
        SparseArray array = new SparseArray();
        for (int i = 0; i < values.length; i++) {
            if (values[i] != 0) {
                array.append(i, values[i]);
            }
        }
        return array;
    }

    public static void main(String[] args) {
        double[] a = {1, 0, 0, 2}, b = {0, 4, 0, 5};
        SparseArray p = sparse(a), q = sparse(b);
        double cubes = Math.cbrt(1 + 64 + 27);
        expect("Euclidean", new EuclideanDistance().d(a, b), Math.sqrt(26), Math.sqrt(26));
        expect("sparse", new SparseEuclideanDistance().d(p, q), Math.sqrt(26), Math.sqrt(26));
        expect("Manhattan", new ManhattanDistance().d(a, b), 8, 8);
        expect("sparse", new SparseManhattanDistance().d(p, q), 8, Math.sqrt(8));
        expect("Chebyshev", new ChebyshevDistance().d(a, b), 4, 4);
        expect("sparse", new SparseChebyshevDistance().d(p, q), 4, Math.sqrt(4));
        expect("Minkowski", new MinkowskiDistance(3).d(a, b), cubes, cubes);
        expect("sparse, from b to a", new SparseMinkowskiDistance(3).d(q, p), cubes, cubes);
        expect("sparse, from a to b", new SparseMinkowskiDistance(3).d(p, q), cubes, Math.cbrt(1 + 64 - 27));

        expect("bits of bytes", HammingDistance.d((byte) -1, (byte) 0), 8, 32);
        expect("bits of bytes above 0", HammingDistance.d((byte) 127, (byte) 0), 7, 7);
        expect("bits of shorts", HammingDistance.d((short) -1, (short) 0), 16, 32);
        expect("bits of ints", HammingDistance.d(-1, 0), 32, 32);
        expect("bits of longs", HammingDistance.d(-1L, 0L), 64, 64);

        for (double[] s : new double[][] {{0, 1}, {0.5, 0.7}, {2, 2}}) {
            double right = Math.expm1(s[1] * s[1]) * Math.exp(2 * s[0] + s[1] * s[1]);
            double other = Math.expm1(s[0] * s[0]) * Math.exp(2 * s[0] + s[1] * s[1]);
            expect("variance with " + Arrays.toString(s), new LogNormalDistribution(s[0], s[1]).variance(), right, other);
        }
        // The formula is right, since many numbers have it.
        double sum = 0, squares = 0;
        Random random = new Random(7);
        for (int i = 0; i < 1_000_000; i++) {
            double v = Math.exp(0.5 + 0.7 * random.nextGaussian());
            sum += v / 1e6;
            squares += v * v / 1e6;
        }
        if (Math.abs((squares - sum * sum) - Math.expm1(0.49) * Math.exp(1.49)) > 0.1) {
            throw new AssertionError("the formula of the variance");
        }

        double[] half = {0.5, 0.5, 0}, other = {0, 0.5, 0.5};
        double infinite = Double.POSITIVE_INFINITY;
        expect("divergence", MathEx.KullbackLeiblerDivergence(new double[] {0.5, 0.5}, new double[] {0.25, 0.75}),
            0.5 * Math.log(2) + 0.5 * Math.log(0.5 / 0.75), 0.5 * Math.log(2) + 0.5 * Math.log(0.5 / 0.75));
        expect("divergence with an empty bin", MathEx.KullbackLeiblerDivergence(half, other), infinite, 0);
        expect("divergence with an empty bin", MathEx.KullbackLeiblerDivergence(new double[] {0.9, 0.1}, new double[] {0, 1}), infinite, 0.1 * Math.log(0.1));
        expect("divergence without a bin in common", MathEx.KullbackLeiblerDivergence(new double[] {1, 0}, new double[] {0, 1}), infinite, infinite);

        expect("mean", MathEx.mean(new int[] {2_000_000_000, 2_000_000_000}), 2e9, -147_483_648);
        expect("mean", MathEx.mean(new int[] {1, 2}), 1.5, 1.5);
    }
}
JAVA
mvn --quiet --batch-mode dependency:copy-dependencies -DincludeArtifactIds=smile-base,slf4j-api -DoutputDirectory=lib > log 2>&1 || { cat log; exit 1; }
java -cp 'lib/*' Finding.java 2> log || { cat log; exit 1; }
