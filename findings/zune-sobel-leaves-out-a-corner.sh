#!/usr/bin/env bash
# zune-imageprocs 0.4.15 (Rust): Sobel and Scharr take the wrong pixel in one corner, and Scharr of floats sees edges in flat grey.
#
# One would guess: the filters use the matrices that their documentation shows, -1, 0, 1 / -2, 0, 2 / -1, 0, 1 and -3, 0, 3 / -10, 0,
# 10 / -3, 0, 3, and those turned by 90 degrees: flat grey has no gradient, and upright edges are as strong as level ones.
# What happens, without an error:
#   1. In the matrix for the gradient to the right, the weight of the lower right corner is given to the pixel left of it, for bytes,
#      16 bits and floats. On the left side of an upright edge, the gradient is a quarter too small by Sobel; the sides of a
#      thin line differ, and a picture turned upside down has other edges.
#   2. For floats, Scharr's weight there is 30 instead of 3: flat grey of 0.5 has the gradient 13.5 everywhere, and bright areas
#      look like edges.
# Who is hurt: those who measure sharpness, directions or edges in Rust: what is found depends on whether an edge is seen from
# its left or its right, and in floats on the brightness alone.
# Remedy: the gradients of imageproc, or loops of one's own.
# Seen on 2026-11-30, with zune-image 0.4.15 and Rust's stable compiler.
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
zune-core = "=0.4.12"
zune-image = { version = "=0.4.15", default-features = false }
zune-imageprocs = "=0.4.15"
TOML
cat > src/main.rs <<'RUST'
use zune_core::colorspace::ColorSpace;
use zune_image::image::Image;
use zune_image::traits::OperationsTrait;
use zune_imageprocs::{scharr::Scharr, sobel::Sobel};

const SIZE: usize = 7;

/// The gradient of one pixel inside a picture: by the matrix of the documentation, or with other weights in its lower row.
fn gradient(picture: &[f32], x: usize, y: usize, weights: [f32; 3], lower: Option<[f32; 3]>) -> f32 {
    let at = |dx: usize, dy: usize| picture[(y + dy - 1) * SIZE + x + dx - 1];
    let (mut right, mut down) = (0.0, 0.0);
    for i in 0..3 {
        let row = match lower {
            Some(row) if i == 2 => row,
            _ => [-weights[i], 0.0, weights[i]],
        };
        for j in 0..3 {
            right += row[j] * at(j, i);
        }
        down += weights[i] * (at(i, 2) - at(i, 0));
    }
    (right * right + down * down).sqrt()
}

fn bytes(operation: &dyn OperationsTrait, picture: &[f32]) -> Vec<f32> {
    let samples: Vec<u8> = picture.iter().map(|&v| v as u8).collect();
    let mut image = Image::from_u8(&samples, SIZE, SIZE, ColorSpace::Luma);
    operation.execute(&mut image).unwrap();
    image.flatten_to_u8()[0].iter().map(|&v| f32::from(v)).collect()
}

fn floats(operation: &dyn OperationsTrait, picture: &[f32]) -> Vec<f32> {
    let mut image = Image::from_f32(picture, SIZE, SIZE, ColorSpace::Luma);
    operation.execute(&mut image).unwrap();
    image.flatten_frames::<f32>()[0].clone()
}

fn main() {
    let edge: Vec<f32> = (0..SIZE * SIZE).map(|i| if i % SIZE >= 4 { 40.0 } else { 0.0 }).collect();
    let level: Vec<f32> = (0..SIZE * SIZE).map(|i| if i / SIZE >= 4 { 40.0 } else { 0.0 }).collect();
    let uneven: Vec<f32> = (0..SIZE * SIZE).map(|i| ((i * i * 7 + i * 3) % 11) as f32).collect();
    let flat = vec![0.5; SIZE * SIZE];
    let (sobel, scharr) = ([1.0, 2.0, 1.0], [3.0, 10.0, 3.0]);
    let middle = 3 * SIZE;

    let upright = bytes(&Sobel::new(), &edge);
    println!("Sobel, upright edge: {:?}, by its matrices {:?}", &upright[middle + 2..middle + 5],
        (2..5).map(|x| gradient(&edge, x, 3, sobel, None)).collect::<Vec<_>>());
    println!("Sobel, level edge: {:?}", (2..5).map(|y| bytes(&Sobel::new(), &level)[y * SIZE + 3]).collect::<Vec<_>>());
    println!("Scharr of flat 0.5 in floats: {}", floats(&Scharr::new(), &flat)[middle + 3]);

    let mut changed = upright[middle + 3] != 120.0 || upright[middle + 4] != 160.0 || bytes(&Sobel::new(), &level)[middle + 3] != 160.0;
    for (name, operation, weights) in [("Sobel", &Sobel::new() as &dyn OperationsTrait, sobel), ("Scharr", &Scharr::new(), scharr)] {
        let last = if name == "Sobel" { 1.0 } else { 30.0 };
        let (whole, real) = (bytes(operation, &uneven), floats(operation, &uneven));
        let mut wrong = 0;
        for y in 1..SIZE - 1 {
            for x in 1..SIZE - 1 {
                let seen = gradient(&uneven, x, y, weights, Some([-weights[2], weights[2], 0.0]));
                changed |= whole[y * SIZE + x] != seen.min(255.0).floor();
                let seen = gradient(&uneven, x, y, weights, Some([-weights[2], last, 0.0]));
                changed |= (real[y * SIZE + x] - seen).abs() > 1e-3;
                wrong += usize::from((seen - gradient(&uneven, x, y, weights, None)).abs() > 1e-3);
            }
        }
        println!("{name} of floats: {wrong} of {} pixels are not by its matrices", (SIZE - 2) * (SIZE - 2));
    }
    changed |= (floats(&Scharr::new(), &flat)[middle + 3] - 13.5).abs() > 1e-4;
    if changed {
        println!("it changed");
        std::process::exit(1);
    }
}
RUST
cargo run --quiet 2> log || { cat log; exit 1; }
