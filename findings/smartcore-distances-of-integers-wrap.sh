#!/usr/bin/env bash
# smartcore 0.7.0 (Rust): built for release, distances of integers wrap, and neighbours of bytes are found by chance.
#
# One would guess: distance() returns a float of 64 bits, and takes vectors of u8, i8 and i32 by its types; so it has the distance of the same
# numbers in f64, as for f32.
# What happens, built for release, without an error (a debug build panics, "attempt to subtract with overflow"):
#   1. Differences and their squares are computed in the vectors' own type, and only their sum is a float: Manhattan of (3, 0) and (0, 4) in u8 is
#      255 instead of 7; Euclidian of (200, 0) and (0, 200) is 11.3 instead of 282.8, and of 50,000 and 0 in i32 it is NaN, the root of a
#      negative number. Cosine of (200, 100) with itself in u8 is near 1 instead of 0.
#   2. KNNClassifier, which takes matrices of u8, goes by these distances: of noisy pictures of three kinds, which f64 tells apart without
#      a fault, 31 % get their class, which is chance.
# Who is hurt: classifiers and searches of pixels, histograms and quantized embeddings in Rust: bytes are taken to save memory, the tests of small
# numbers pass, also with cargo test, and what is released gives other classes.
# Remedy: f32 or f64; or overflow-checks = true in the release profile, by which it panics.
# Seen on 2026-12-01, with Rust's stable compiler.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
smartcore = "=0.7.0"
TOML
cat > src/main.rs <<'RUST'
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::metrics::distance::{cosine::Cosine, euclidian::Euclidian, manhattan::Manhattan, Distance};
use smartcore::neighbors::knn_classifier::{KNNClassifier, KNNClassifierParameters};

fn check(name: &str, seen: f64, right: f64, expected: f64) {
    println!("{name}: {seen:.3}, right is {right:.3}");
    if (seen - expected).abs() > 1e-3 || seen.is_nan() != expected.is_nan() {
        println!("it changed: {expected}");
        std::process::exit(1);
    }
}

/// Noise from 0 to 1, the same for each run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as f64 / (1u64 << 31) as f64
    }
}

/// Pictures of 64 bytes: bright above, bright below, or bright in the middle.
fn pictures(noise: &mut Noise, count: usize) -> (Vec<Vec<u8>>, Vec<i32>) {
    let labels: Vec<i32> = (0..count).map(|i| (i % 3) as i32).collect();
    let bright = |label: i32, row: usize| match label {
        0 => row < 4,
        1 => row >= 4,
        _ => (2..6).contains(&row),
    };
    let picture = |noise: &mut Noise, label| (0..64).map(|p| (if bright(label, p / 8) { 150.0 } else { 20.0 } + 80.0 * noise.next()) as u8).collect();
    (labels.iter().map(|&label| picture(noise, label)).collect(), labels)
}

fn share(a: &[i32], b: &[i32]) -> f64 {
    a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / a.len() as f64
}

fn main() {
    let floats = |v: &[i64]| v.iter().map(|&x| x as f64).collect::<Vec<f64>>();
    let bytes = |v: &[i64]| v.iter().map(|&x| x as u8).collect::<Vec<u8>>();
    for (a, b, euclidian, manhattan) in [([200, 0], [0, 200], 128f64.sqrt(), 256.0), ([3, 0], [0, 4], 5.0, 255.0), ([9, 9], [5, 6], 5.0, 7.0)] {
        check(&format!("u8 {a:?} {b:?}, Euclidian"), Euclidian::new().distance(&bytes(&a), &bytes(&b)), Euclidian::new().distance(&floats(&a), &floats(&b)), euclidian);
        check("Manhattan", Manhattan::new().distance(&bytes(&a), &bytes(&b)), Manhattan::new().distance(&floats(&a), &floats(&b)), manhattan);
    }
    check("i32 50000 and 0, Euclidian", Euclidian::new().distance(&vec![50_000i32], &vec![0]), Euclidian::new().distance(&vec![50_000f64], &vec![0.0]), f64::NAN);
    check("u8 [200, 100] and itself, cosine", Cosine::new().distance(&vec![200u8, 100], &vec![200, 100]), Cosine::new().distance(&vec![200f64, 100.0], &vec![200.0, 100.0]), 0.9984);

    let mut noise = Noise(7);
    let (rows, labels) = pictures(&mut noise, 300);
    let (queries, wanted) = pictures(&mut noise, 90);
    let wide = |v: &[Vec<u8>]| DenseMatrix::from_2d_vec(&v.iter().map(|r| r.iter().map(|&x| x as f64).collect()).collect::<Vec<Vec<f64>>>()).unwrap();
    let right = KNNClassifier::fit(&wide(&rows), &labels, KNNClassifierParameters::default()).unwrap().predict(&wide(&queries)).unwrap();
    let narrow = |v: &Vec<Vec<u8>>| DenseMatrix::from_2d_vec(v).unwrap();
    let seen = KNNClassifier::fit(&narrow(&rows), &labels, KNNClassifierParameters::default()).unwrap().predict(&narrow(&queries)).unwrap();
    println!("of f64 {:.2} of the pictures get their class, of u8 {:.2}", share(&right, &wanted), share(&seen, &wanted));
    assert!(share(&right, &wanted) == 1.0);
    if share(&seen, &wanted) > 0.7 {
        println!("it changed");
        std::process::exit(1);
    }
}
RUST
cargo run --quiet --release 2> log || { cat log; exit 1; }
