"""Makes a task that ImageNet's features were never asked: which way is up?

    python make_rotated.py PHOTOS NUMBER OUT

Draws NUMBER of the photos in the directory PHOTOS, always the same, and writes the central
square of each as OUT/TURN/NAME.png, 256 pixels wide and turned by TURN degrees: as many by 0,
90, 180 and 270, and every photo once, so that none stands on both sides of a split. Squares,
because a format would give the turn away, and PNGs, because blocks of JPEG might.
"""

import pathlib
import random
import sys

from PIL import Image, ImageOps

photos = sorted(p for p in pathlib.Path(sys.argv[1]).iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
number, out = int(sys.argv[2]), pathlib.Path(sys.argv[3])
if len(photos) < number:
    sys.exit(f"{sys.argv[1]} has {len(photos)} photos, {number} are needed")
turns = {0: None, 90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_270}
for turn in turns:
    (out / str(turn)).mkdir(parents=True, exist_ok=True)
drawn = random.Random(1).sample(photos, len(photos))
written = 0
for photo in drawn:
    if written == number:
        break
    try:
        with Image.open(photo) as picture:
            square = ImageOps.fit(ImageOps.exif_transpose(picture).convert("RGB"), (256, 256), Image.Resampling.BICUBIC)
    except OSError:
        continue  # broken photos are among them
    turn = list(turns)[written % 4]
    if turns[turn] is not None:
        square = square.transpose(turns[turn])
    square.save(out / str(turn) / (photo.stem + ".png"))
    written += 1
print(f"{written} photos", file=sys.stderr)
