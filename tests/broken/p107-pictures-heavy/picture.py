import random

from PIL import Image

noise = random.Random(1).randbytes(600 * 600 * 3)
Image.frombytes("RGB", (600, 600), noise).save("campaigns/brus.png")
