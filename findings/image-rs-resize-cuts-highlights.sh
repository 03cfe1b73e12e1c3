#!/usr/bin/env bash
# image 0.25.10 (Rust): resizing floats cuts off at 1, huerotate() makes 16 bits nearly black, and filter3x3() leaves a black border.
#
# One would guess: imageops::resize() and DynamicImage::resize() of an Rgb32F image, which is how .hdr and .exr are read, give means of its pixels:
# its documentation says that it assumes "scene-linear light", in which lamps and the sun are far above 1. Of huerotate() it says that
# 0 degrees do nothing.
# What happens, without an error or a warning:
#   1. resize() of floats cuts off what is above 1 and below 0, with all filters, even Nearest: 3 becomes 1, -1 becomes 0. So do fast_blur(),
#      filter3x3() and contrast() by 0; blur() keeps them. brighten() of floats drops their fractions first: all that is below 1 is black.
#   2. huerotate() of 16 bits cuts off at 255 of 65535: whatever is brighter than 0.4 % becomes the same dark grey, with 0 degrees, too.
#      8 bits are right.
#   3. filter3x3() leaves the first and last row and column 0, which is black, with the kernel that changes nothing as well.
# Who is hurt: those who make smaller HDR pictures, heights in metres, temperatures, depths or feature maps in Rust: all that is above 1 is
# one plane; and those who augment 16-bit pictures by hue, or look for edges and sharpness.
# Remedy: for 1 bring the values to 0 to 1 before and back after it; for 2 Rgb32F; for 3 imageproc.
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
image = { version = "=0.25.10", default-features = false }
TOML
cat > src/main.rs <<'RUST'
use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, ImageBuffer, Luma, Rgb, Rgb32FImage, RgbImage};

fn main() {
    let mut holds = true;
    let mut expect = |name: &str, right: bool| {
        if !right {
            println!("it changed: {name}");
            holds = false;
        }
    };

    // 1. A picture of one colour stays as it is, whatever is done.
    let lamp = Rgb([3.0f32, 0.5, -1.0]);
    let even = Rgb32FImage::from_pixel(6, 6, lamp);
    let at = |picture: &Rgb32FImage| *picture.get_pixel(1, 1);
    let cut = Rgb([1.0f32, 0.5, 0.0]);
    let alike = |a: Rgb<f32>, b: Rgb<f32>| a.0.iter().zip(b.0).all(|(a, b)| (a - b).abs() < 1e-4);
    for filter in [FilterType::Nearest, FilterType::Triangle, FilterType::CatmullRom, FilterType::Gaussian, FilterType::Lanczos3] {
        let resized = imageops::resize(&even, 3, 3, filter);
        println!("resize, {filter:?}: {:?} becomes {:?}", lamp.0, at(&resized).0);
        expect("resize", alike(at(&resized), cut));
        let image = DynamicImage::ImageRgb32F(even.clone()).resize_exact(3, 3, filter).to_rgb32f();
        expect("DynamicImage", alike(at(&image), cut));
    }
    let others = [
        ("fast_blur", imageops::fast_blur(&even, 1.0)),
        ("filter3x3", imageops::filter3x3(&even, &[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0])),
        ("contrast by 0", imageops::contrast(&even, 0.0)),
    ];
    for (name, picture) in &others {
        println!("{name}: {:?}", at(picture).0);
        expect(name, alike(at(picture), cut));
    }
    let brighter = at(&imageops::brighten(&even, 0));
    println!("brighten by 0: {:?}", brighter.0);
    expect("brighten by 0", alike(brighter, Rgb([1.0, 0.0, 0.0])));
    expect("blur", alike(at(&imageops::blur(&even, 1.0)), lamp));

    // 2.
    let wide: ImageBuffer<Rgb<u16>, Vec<u16>> = ImageBuffer::from_pixel(1, 1, Rgb([1000, 30000, 65535]));
    let turned = imageops::huerotate(&wide, 0);
    println!("huerotate by 0: {:?} becomes {:?}", wide.as_raw(), turned.as_raw());
    expect("16 bits", turned.as_raw() == &[255, 255, 255]);
    let bytes = RgbImage::from_pixel(1, 1, Rgb([10, 120, 250]));
    expect("8 bits", imageops::huerotate(&bytes, 0) == bytes);

    // 3.
    let white = GrayImage::from_pixel(5, 4, Luma([255]));
    let filtered: GrayImage = imageops::filter3x3(&white, &[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    let black = filtered.pixels().filter(|p| p.0[0] == 0).count();
    println!("filter3x3: {black} of 20 white pixels become black");
    expect("border", black == 14);
    std::process::exit(i32::from(!holds));
}
RUST
cargo run --quiet 2> log || { cat log; exit 1; }
