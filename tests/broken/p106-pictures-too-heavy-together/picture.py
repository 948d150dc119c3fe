"""Three moving pictures, which nobody scales."""

import random

from PIL import Image

source = random.Random(1)
for name in ("b0", "b1", "b2"):
    frames = [
        Image.frombytes("L", (1900, 1900), source.randbytes(1900 * 1900)).convert("P") for _ in range(2)
    ]
    frames[0].save(f"campaigns/{name}.gif", save_all=True, append_images=frames[1:])
